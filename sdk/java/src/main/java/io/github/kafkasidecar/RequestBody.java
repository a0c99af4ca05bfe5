package io.github.kafkasidecar;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Reads the body of a request to its end, as an answer to one that is still being sent is usually lost. */
final class RequestBody {
    /** Memory follows what has come, not what was announced, beyond this many bytes. */
    private static final int FIRST_BYTES = 1 << 20;

    /** Null if it was thrown away: it had no length or was too long. */
    final byte[] bytes;
    final boolean lengthMissing;

    private RequestBody(byte[] bytes, boolean lengthMissing) {
        this.bytes = bytes;
        this.lengthMissing = lengthMissing;
    }

    /**
     * Reads it; what has more than {@code max} bytes, or no length, is thrown away.
     *
     * @throws IOException if the client went away before the end
     */
    static RequestBody read(Headers headers, InputStream in, int max) throws IOException {
        String length = headers.getFirst("Content-Length");
        if (length == null || headers.containsKey("Transfer-Encoding")) {
            skip(in, Long.MAX_VALUE);
            return new RequestBody(null, true);
        }
        long announced = Long.parseLong(length.trim()); // the server has refused what is no number
        if (announced <= max) {
            return new RequestBody(read(in, (int) announced), false);
        }
        if (skip(in, announced) < announced) {
            throw new EOFException();
        }
        return new RequestBody(null, false);
    }

    private static byte[] read(InputStream in, int length) throws IOException {
        byte[] bytes = new byte[Math.min(length, FIRST_BYTES)];
        int at = 0;
        while (at < length) {
            if (at == bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(length, 2L * at));
            }
            int count = in.read(bytes, at, bytes.length - at);
            if (count < 0) {
                throw new EOFException();
            }
            at += count;
        }
        return bytes;
    }

    /** Reads up to {@code count} bytes; returns how many there were. */
    private static long skip(InputStream in, long count) throws IOException {
        byte[] buffer = new byte[8192];
        long at = 0;
        while (at < count) {
            int read = in.read(buffer, 0, (int) Math.min(buffer.length, count - at));
            if (read < 0) {
                break;
            }
            at += read;
        }
        return at;
    }
}
