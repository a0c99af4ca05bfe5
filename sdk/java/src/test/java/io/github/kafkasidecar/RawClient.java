package io.github.kafkasidecar;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A connection on which a test decides what is sent and when. */
final class RawClient implements Closeable {
    private final Socket socket;

    RawClient(int port) throws IOException {
        socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(20_000);
        socket.setTcpNoDelay(true);
    }

    /** The head of a POST with these header lines besides the usual ones. */
    static String head(int length, String... lines) {
        return "POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nSidecar-Protocol: 1\r\n"
                + "Content-Length: " + length + "\r\n" + lines(lines) + "\r\n";
    }

    static String lines(String... lines) {
        StringBuilder text = new StringBuilder();
        for (String line : lines) {
            text.append(line).append("\r\n");
        }
        return text.toString();
    }

    RawClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    RawClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    RawClient post(byte[] body, String... lines) throws IOException {
        return send(head(body.length, lines)).send(body);
    }

    void endOutput() throws IOException {
        socket.shutdownOutput();
    }

    /** Reads one answer; empty if the connection ends without one. */
    String answer() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        InputStream in = socket.getInputStream();
        while (!text(bytes).contains("\r\n\r\n")) {
            int b = in.read();
            if (b < 0) {
                return text(bytes);
            }
            bytes.write(b);
        }
        String head = text(bytes).toLowerCase(Locale.ROOT);
        int at = head.indexOf("content-length: ");
        int length = at < 0 ? 0 : Integer.parseInt(head.substring(at + 16, head.indexOf("\r\n", at)));
        for (int i = 0; i < length; i++) {
            bytes.write(in.read());
        }
        return text(bytes);
    }

    int status() throws IOException {
        String answer = answer();
        return answer.isEmpty() ? 0 : Integer.parseInt(answer.split(" ")[1]);
    }

    /** Whether the server has closed the connection. */
    boolean ended() throws IOException {
        return socket.getInputStream().read() < 0;
    }

    private static String text(ByteArrayOutputStream bytes) {
        return new String(bytes.toByteArray(), StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
