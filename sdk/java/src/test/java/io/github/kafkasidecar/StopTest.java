package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a process ends that serves: by SIGTERM, and by a handler that ends it. */
@Timeout(60)
class StopTest {
    private static final byte[] BODY = Posts.batch(Posts.partition("orders", 3, 1));

    private Process app;
    private BufferedReader out;

    /**
     * An application whose handler tells that it runs, waits for a line of input, and does what that line says. For
     * the topic {@code exit} it ends the process at once, with the number of the partition.
     */
    static final class App {
        public static void main(String[] args) {
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            Server server = Sidecar.handle(batch -> {
                System.out.println("handling " + batch.ranges().get(0));
                OffsetRange range = batch.ranges().get(0);
                if (range.topic().equals("exit")) {
                    System.exit(range.partition());
                }
                String line = in.readLine();
                if (line.startsWith("exit")) {
                    System.exit(Integer.parseInt(line.substring(5)));
                }
            }).serve(0);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("stopping")));
            System.out.println(server.port());
        }
    }

    private int start() throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        app = new ProcessBuilder(java.toString(), "-cp", System.getProperty("java.class.path"), App.class.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        out = app.inputReader(StandardCharsets.UTF_8);
        return Integer.parseInt(out.readLine());
    }

    @AfterEach
    void end() {
        app.destroyForcibly();
    }

    private void say(String line) throws IOException {
        app.outputWriter(StandardCharsets.UTF_8).append(line).append('\n').flush();
    }

    private int exitStatus() throws InterruptedException {
        assertTrue(app.waitFor(20, TimeUnit.SECONDS), "the process has not ended");
        return app.exitValue();
    }

    @Test
    void sigtermLetsTheHandlerEndAndAnswersIt() throws Exception {
        int port = start();
        try (RawClient first = new RawClient(port); RawClient second = new RawClient(port)) {
            first.post(BODY);
            assertEquals("handling orders/3 [1, 2)", out.readLine());
            app.toHandle().destroy(); // SIGTERM
            assertEquals("stopping", out.readLine());
            int other = 0;
            while (other == 0 || other == 200) { // until the server's own hook has begun
                other = second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status();
            }
            assertEquals(503, other);
            assertTrue(app.isAlive());
            say("go on");
            assertEquals(200, first.status());
            assertEquals(143, exitStatus());
        }
    }

    @Test
    void sigtermEndsAnIdleProcess() throws Exception {
        try (RawClient idle = new RawClient(start())) {
            idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer();
            app.toHandle().destroy();
            assertEquals(143, exitStatus());
            assertTrue(idle.ended());
        }
    }

    @Test
    void aHandlerThatEndsTheProcessAcknowledgesNothing() throws Exception {
        try (RawClient client = new RawClient(start())) {
            client.post(BODY);
            out.readLine();
            say("exit 3");
            assertEquals("", client.answer());
            assertEquals(3, exitStatus());
        }
    }

    @Test
    void aHandlerThatEndsTheProcessLetsOthersEndFirst() throws Exception {
        int port = start();
        try (RawClient other = new RawClient(port); RawClient exiting = new RawClient(port)) {
            other.post(BODY);
            out.readLine(); // now it waits for a line
            exiting.post(Posts.batch(Posts.partition("exit", 3, 1)));
            out.readLine();
            assertEquals("stopping", out.readLine());
            say("go on");
            assertEquals(200, other.status());
            assertEquals("", exiting.answer());
            assertEquals(3, exitStatus());
        }
    }

    @Test
    void exitWhileStoppingDoesNotHoldUpTheStop() throws Exception {
        try (RawClient client = new RawClient(start())) {
            client.post(BODY);
            out.readLine();
            app.toHandle().destroy();
            assertEquals("stopping", out.readLine());
            say("exit 3"); // blocks in the JVM, which is ending already
            assertEquals("", client.answer());
            assertEquals(143, exitStatus());
        }
    }
}
