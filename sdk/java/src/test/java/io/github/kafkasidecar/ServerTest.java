package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The server on a real socket: reading, answering, keeping alive, and stopping. */
@Timeout(60)
class ServerTest {
    private static final byte[] BODY = Posts.batch(Posts.partition("orders", 3, 1));

    private final AtomicInteger handled = new AtomicInteger();
    private final List<Server> servers = new ArrayList<>();

    private Server serve(Sidecar sidecar) {
        Server server = sidecar.serve(0);
        servers.add(server);
        return server;
    }

    private Server serve() {
        return serve(Sidecar.handle(batch -> handled.incrementAndGet()));
    }

    @AfterEach
    void close() {
        servers.forEach(Server::close);
    }

    @Test
    void aConnectionIsKeptAliveWhateverIsAnswered() throws IOException {
        try (RawClient client = new RawClient(serve(Sidecar.handle(Handlers.each(r -> {
            throw new Reject("no");
        })).withToken("t").withMaxBody(1000)).port())) {
            String token = "Authorization: Bearer t";
            assertEquals(401, client.post(BODY).status());
            assertTrue(client.post(BODY, token).answer().endsWith("\"reason\":\"no\"}]}"));
            assertEquals(413, client.post(new byte[300_000], token).status());
            assertEquals(500, client.post(new byte[10], token).status());
            assertEquals(415, client.send(RawClient.head(2, token).replace("application/json", "text/plain") + "{}").status());
            assertEquals(405, client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + token + "\r\n\r\nabc").status());
            assertEquals(200, client.send("HEAD / HTTP/1.1\r\nHost: x\r\n" + token + "\r\n\r\n").status());
            String probe = client.send("GET /ready HTTP/1.1\r\nHost: x\r\n" + token + "\r\n\r\n").answer();
            assertTrue(probe.startsWith("HTTP/1.1 200") && probe.endsWith("ok"), probe);
            assertEquals(501, client.send(RawClient.head(2, token).replace("Protocol: 1", "Protocol: 2") + "{}").status());
        }
    }

    @Test
    void anAcknowledgementIsEmptyWithALength() throws IOException {
        try (RawClient client = new RawClient(serve().port())) {
            String answer = client.post(BODY).answer().toLowerCase(java.util.Locale.ROOT);
            assertTrue(answer.contains("content-length: 0\r\n"), answer);
        }
    }

    @Test
    void aBodyWithoutLengthIsRefused() throws IOException {
        String head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nSidecar-Protocol: 1\r\n";
        try (RawClient client = new RawClient(serve().port())) {
            String chunked = client.send(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").answer();
            assertTrue(chunked.startsWith("HTTP/1.1 411"), chunked);
            assertEquals(411, client.send(head + "\r\n").status());
        }
        assertEquals(0, handled.get());
    }

    @Test
    void aBodyThatEndsEarlyIsNeitherHandledNorAnswered() throws IOException {
        for (int maxBody : new int[] {10_000, 100}) {
            Server server = serve(Sidecar.handle(batch -> handled.incrementAndGet()).withMaxBody(maxBody));
            try (RawClient client = new RawClient(server.port())) {
                client.send(RawClient.head(BODY.length + 1)).send(BODY).endOutput();
                assertEquals("", client.answer());
            }
        }
        assertEquals(0, handled.get());
    }

    @Test
    void slowClientsDoNotHoldUpOthers() throws IOException {
        Server server = serve();
        List<RawClient> slow = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            slow.add(new RawClient(server.port()).send(RawClient.head(BODY.length)).send(Arrays.copyOf(BODY, 10)));
        }
        try (RawClient client = new RawClient(server.port())) {
            assertEquals(200, client.post(BODY).status());
        }
        byte[] rest = Arrays.copyOfRange(BODY, 10, BODY.length);
        for (RawClient client : slow) {
            assertEquals(200, client.send(rest).status());
            client.close();
        }
        assertEquals(51, handled.get());
    }

    @Test
    void anOverlapIsAnsweredWhileTheFirstRuns() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Server server = serve(Sidecar.handle(batch -> {
            began.countDown();
            goOn.await();
        }));
        try (RawClient first = new RawClient(server.port()); RawClient second = new RawClient(server.port())) {
            first.post(BODY);
            began.await();
            String busy = second.post(BODY).answer();
            assertTrue(busy.startsWith("HTTP/1.1 503") && busy.contains("Retry-after: 1\r\n"), busy);
            goOn.countDown();
            assertEquals(200, first.status());
        }
    }

    @Test
    void otherPartitionsAreHandledAtTheSameTime() throws IOException {
        CountDownLatch bothRun = new CountDownLatch(2);
        Server server = serve(Sidecar.handle(batch -> {
            bothRun.countDown();
            bothRun.await();
        }));
        try (RawClient first = new RawClient(server.port()); RawClient second = new RawClient(server.port())) {
            first.post(BODY);
            second.post(Posts.batch(Posts.partition("orders", 4, 1)));
            assertEquals(200, first.status());
            assertEquals(200, second.status());
        }
    }

    /** The sidecar timed out and is gone: its partition stays busy until the handler has really ended. */
    @Test
    void aPartitionIsBusyAfterItsClientHasGone() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Server server = serve(Sidecar.handle(batch -> {
            began.countDown();
            goOn.await();
        }));
        try (RawClient gone = new RawClient(server.port())) {
            gone.post(BODY);
            began.await();
        }
        try (RawClient again = new RawClient(server.port())) {
            assertEquals(503, again.post(BODY).status());
            goOn.countDown();
            int status = 503;
            while (status == 503) {
                status = again.post(BODY).status();
            }
            assertEquals(200, status);
        }
    }

    @Test
    void answersWithABodyDoNotWaitForTheClientsAcknowledgement() throws IOException {
        Server server = serve(Sidecar.handle(batch -> {
            throw new Reject("no");
        }));
        try (RawClient client = new RawClient(server.port())) {
            long[] times = new long[51];
            for (int i = 0; i < times.length; i++) {
                long start = System.nanoTime();
                client.post(BODY).answer();
                times[i] = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            }
            Arrays.sort(times);
            long median = times[times.length / 2];
            assertTrue(median < 30, "an answer took " + median + " ms; a delayed acknowledgement takes 40 ms");
        }
    }

    @Test
    void aLargeBodyArrivesWhole() throws IOException {
        StringBuilder value = new StringBuilder();
        Random random = new Random(1);
        while (value.length() < 9_000_000) {
            value.append(random.nextLong());
        }
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        Server server = serve(Sidecar.handle(batch -> seen.add(batch.records().get(0).text())));
        try (RawClient client = new RawClient(server.port())) {
            assertEquals(200, client.post(Posts.record("\"key\":null,\"value\":\"" + value + "\"")).status());
        }
        assertEquals(Collections.singletonList(value.toString()), seen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\0\0\0\0\r\n\r\n", "POST\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\r\n\r\n"})
    void whatIsNoHttpDoesNoHarm(String garbage) throws IOException {
        Server server = serve();
        try (RawClient client = new RawClient(server.port())) {
            client.send(garbage).endOutput();
            int status = client.status();
            assertTrue(status == 0 || status >= 400, "" + status);
        }
        try (RawClient client = new RawClient(server.port())) {
            assertEquals(200, client.post(BODY).status());
        }
        assertEquals(1, handled.get());
    }

    @Test
    void aPortInUseIsSaid() {
        int port = serve().port();
        String message = assertThrows(UncheckedIOException.class, () -> Sidecar.handle(batch -> {}).serve(port)).getMessage();
        assertEquals("listen on 127.0.0.1:" + port + ": Address already in use; end what listens there or take another"
                + " port, 0 picks a free one", message);
        assertThrows(IllegalArgumentException.class, () -> Sidecar.handle(batch -> {}).serve(70_000));
        assertThrows(UncheckedIOException.class, () -> Sidecar.handle(batch -> {}).serve("no.such.host.invalid", 0));
    }

    @Test
    void closingLetsHandlersEndAndRefusesTheRest() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Server server = serve(Sidecar.handle(batch -> {
            began.countDown();
            goOn.await();
        }));
        try (RawClient first = new RawClient(server.port()); RawClient second = new RawClient(server.port())) {
            first.post(BODY);
            began.await();
            CompletableFuture<Void> closing = CompletableFuture.runAsync(server::close);
            String answer = "";
            while (!answer.contains("the application is stopping")) { // until close() has begun
                answer = second.post(Posts.batch(Posts.partition("orders", 4, 1))).answer();
            }
            assertTrue(answer.startsWith("HTTP/1.1 503") && answer.contains("Connection: close\r\n"), answer);
            assertFalse(closing.isDone());
            goOn.countDown();
            assertEquals(200, first.status());
            closing.get();
        }
        server.join();
        server.close();
        assertThrows(ConnectException.class, () -> new RawClient(server.port()));
    }

    @Test
    void closingAnIdleServerTakesNoTime() throws IOException {
        Server server = serve();
        try (RawClient idle = new RawClient(server.port()); RawClient slow = new RawClient(server.port())) {
            assertEquals(200, idle.post(BODY).status());
            slow.send(RawClient.head(BODY.length)).send(Arrays.copyOf(BODY, 10));
            long start = System.nanoTime();
            server.close();
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(5));
            assertTrue(idle.ended());
        }
    }

    @Test
    void aHandlerThatDoesNotEndIsCutOff() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        Server server = serve(Sidecar.handle(batch -> {
            began.countDown();
            never.await();
        }).withStopTimeout(Duration.ofMillis(100)));
        try (RawClient client = new RawClient(server.port())) {
            client.post(BODY);
            began.await();
            server.close();
            assertEquals("", client.answer());
        } finally {
            never.countDown();
        }
    }

    @Test
    void aHandlerCanNotCloseItsServer() throws IOException {
        Server[] server = new Server[1];
        server[0] = serve(Sidecar.handle(batch -> server[0].close()));
        try (RawClient client = new RawClient(server[0].port())) {
            assertTrue(client.post(BODY).answer().endsWith("handler failed: IllegalStateException"));
            assertEquals(500, client.post(BODY).status());
        }
    }

    @Test
    void aHandlerThatLeavesItsThreadInterruptedIsAnswered() throws IOException {
        try (RawClient client = new RawClient(serve(Sidecar.handle(batch -> Thread.currentThread().interrupt())).port())) {
            assertEquals(200, client.post(BODY).status());
            assertEquals(200, client.post(BODY).status());
        }
    }

    @Test
    void twoServersOfOneSidecarShareWhatRuns() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Sidecar sidecar = Sidecar.handle(batch -> {
            began.countDown();
            goOn.await();
        });
        Server one = serve(sidecar);
        Server other = serve(sidecar.withMaxBody(5000));
        try (RawClient first = new RawClient(one.port()); RawClient second = new RawClient(other.port())) {
            first.post(BODY);
            began.await();
            assertEquals(503, second.post(BODY).status());
            goOn.countDown();
            assertEquals(200, first.status());
        }
    }
}
