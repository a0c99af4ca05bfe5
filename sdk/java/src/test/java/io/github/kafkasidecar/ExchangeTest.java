package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The table of answers, row by row, and that each answer has the meaning in the protocol that it is given for. */
class ExchangeTest {
    private static final byte[] BODY = Posts.batch(
            Posts.partition("orders", 3, 1200, 1201, 1203), Posts.partition("orders", 4, 7));
    private static final byte[] ONE_RECORD = Posts.batch(Posts.partition("orders", 3, 1200));

    private final List<Batch> handled = Collections.synchronizedList(new ArrayList<>());
    private final Sidecar sidecar = Sidecar.handle(handled::add);
    private final LogLines log = new LogLines();

    @BeforeEach
    void listen() {
        log.attach();
    }

    @AfterEach
    void detach() {
        log.detach();
    }

    @Test
    void returningAcknowledges() {
        Answer answer = Posts.json(sidecar, BODY);
        assertEquals(200, answer.status());
        assertEquals(0, answer.body().length);
        assertEquals(4, handled.get(0).records().size());
        assertMeans("acked", answer);
        assertTrue(log.lines().isEmpty());
    }

    @Test
    void theProbeIsAnsweredWithoutTheHandler() {
        Answer get = sidecar.exchange("GET", name -> null, new byte[0]);
        assertEquals(200, get.status());
        assertEquals("ok", Posts.text(get));
        Answer head = sidecar.exchange("HEAD", name -> null, new byte[0]);
        assertEquals(200, head.status());
        assertEquals("", Posts.text(head));
        assertTrue(handled.isEmpty());
    }

    @Test
    void otherMethodsAreRefused() {
        Answer answer = sidecar.exchange("PUT", Collections.singletonMap("", "")::get, BODY);
        assertRefused(405, "setup", "use POST, or GET as a readiness probe", answer);
        assertEquals("GET, HEAD, POST", answer.headers().get("Allow"));
    }

    @Test
    void theTokenIsChecked() {
        Sidecar guarded = sidecar.withToken("s3cret");
        assertEquals(200, Posts.json(guarded, BODY, "authorization", "bearer s3cret").status());
        handled.clear();
        Answer missing = Posts.json(guarded, BODY);
        assertRefused(401, "setup", "a bearer token is missing", missing);
        assertEquals("Bearer", missing.headers().get("WWW-Authenticate"));
        Answer wrong = Posts.json(guarded, BODY, "Authorization", "Bearer s3cre");
        assertRefused(401, "setup", "the bearer token is wrong", wrong);
        assertRefused(401, "setup", "a bearer token is missing", Posts.json(guarded, BODY, "Authorization", "Basic s3cret"));
        assertEquals(401, guarded.exchange("GET", name -> null, new byte[0]).status());
        assertEquals(200, guarded.exchange("GET", name -> "Bearer s3cret", new byte[0]).status());
        assertFalse(log.lines().toString().contains("s3cre;") || guarded.toString().contains("s3cret"));
    }

    @Test
    void theProtocolVersionIsChecked() {
        Answer missing = Posts.json(sidecar, BODY, "Sidecar-Protocol", null);
        assertRefused(501, "setup", "Sidecar-Protocol is missing; this SDK knows version 1", missing);
        Answer later = Posts.json(sidecar, BODY, "Sidecar-Protocol", "2\r\nevil");
        assertRefused(501, "setup", "Sidecar-Protocol is 2  evil; this SDK knows version 1", later);
    }

    @Test
    void theContentTypeIsChecked() {
        assertEquals(200, sidecar.exchange(Posts.headers("Application/JSON; charset=utf-8"), BODY).status());
        handled.clear();
        assertRefused(415, "setup", "Content-Type is text/json;", sidecar.exchange(Posts.headers("text/json"), BODY));
        assertRefused(415, "setup", "Content-Type is missing;", Posts.json(sidecar, BODY, "Content-Type", null));
    }

    @Test
    void aBodyThatIsTooBigIsRefused() {
        assertEquals(200, Posts.json(sidecar.withMaxBody(BODY.length), BODY).status());
        handled.clear();
        Answer answer = Posts.json(sidecar.withMaxBody(BODY.length - 1), BODY);
        assertRefused(413, "refused", "the body has more than " + (BODY.length - 1) + " bytes", answer);
    }

    @Test
    void aRequestWithoutLengthIsRefused() {
        Request request = new Request("POST", name -> first("application/json", name), null, true, false);
        assertRefused(411, "failed", "Content-Length is missing", Exchange.answer(sidecar, request));
    }

    @Test
    void aBodyThatIsNoBatchIsRefused() {
        Answer answer = Posts.json(sidecar, Posts.utf8("{\"batch\":1}"));
        assertRefused(500, "failed", "the body is not a batch: /batch must be text; find what", answer);
    }

    @Test
    void headerAndBodyMustNameTheSameBatch() {
        assertEquals(200, Posts.json(sidecar, BODY, "Sidecar-Batch", "b1").status());
        handled.clear();
        assertRefused(500, "failed", "Sidecar-Batch is b2, the body has batch b1", Posts.json(sidecar, BODY, "Sidecar-Batch", "b2"));
    }

    @Test
    void anOverlapIsBusyUntilTheHandlerHasEnded() throws InterruptedException {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Sidecar slow = Sidecar.handle(batch -> {
            began.countDown();
            goOn.await();
        });
        Thread first = new Thread(() -> Posts.json(slow, ONE_RECORD));
        first.start();
        began.await();
        Answer overlap = Posts.json(slow.withMaxBody(10_000), BODY);
        assertRefused(503, "busy", "the handler of an earlier request still runs for orders/3", overlap);
        assertEquals("1", overlap.headers().get("Retry-After"));
        goOn.countDown();
        first.join();
        assertEquals(200, Posts.json(slow, BODY).status());
    }

    @Test
    void otherPartitionsAndGroupsAreNoOverlap() {
        List<Integer> inner = new ArrayList<>();
        Sidecar[] outer = new Sidecar[1];
        outer[0] = Sidecar.handle(batch -> {
            if (batch.ranges().get(0).partition() == 3 && batch.group().equals("billing")) {
                inner.add(Posts.json(outer[0], Posts.batch(Posts.partition("orders", 4, 1))).status());
                byte[] otherGroup = Posts.utf8(new String(ONE_RECORD, java.nio.charset.StandardCharsets.UTF_8)
                        .replace("billing", "audit"));
                inner.add(Posts.json(outer[0], otherGroup).status());
                inner.add(Posts.json(outer[0], ONE_RECORD).status());
            }
        });
        assertEquals(200, Posts.json(outer[0], ONE_RECORD).status());
        assertEquals(Arrays.asList(200, 200, 503), inner);
    }

    @Test
    void whileStoppingAllIsBusy() {
        Request post = new Request("POST", name -> first("application/json", name), BODY, false, true);
        Answer answer = Exchange.answer(sidecar, post);
        assertRefused(503, "busy", "the application is stopping", answer);
        assertEquals("1", answer.headers().get("Retry-After"));
        assertEquals("close", answer.headers().get("Connection"));
        Request get = new Request("GET", name -> null, new byte[0], false, true);
        assertEquals(503, Exchange.answer(sidecar, get).status());
        assertEquals(200, Posts.json(sidecar, BODY).status(), "the partitions are free again");
    }

    @Test
    void failuresAreNamedInTheOrderOfTheRecords() {
        Answer answer = Posts.json(partial(batch -> Arrays.asList(
                batch.records().get(3).retry("db locked", Duration.ofNanos(1_500_001)),
                batch.records().get(0).reject(null),
                batch.records().get(2).retry("Zürich \ud800 \"x\"", null))), BODY);
        assertEquals(200, answer.status());
        assertEquals("application/json", answer.headers().get("Content-Type"));
        assertEquals("{\"failures\":["
                + "{\"topic\":\"orders\",\"partition\":3,\"offset\":1200,\"action\":\"reject\"},"
                + "{\"topic\":\"orders\",\"partition\":3,\"offset\":1203,\"action\":\"retry\",\"reason\":\"Zürich ? \\\"x\\\"\"},"
                + "{\"topic\":\"orders\",\"partition\":4,\"offset\":7,\"action\":\"retry\",\"reason\":\"db locked\",\"retryAfterMs\":2}"
                + "]}", Posts.text(answer));
        assertMeans("acked", answer);
    }

    @Test
    void noFailuresAcknowledge() {
        Answer answer = Posts.json(partial(batch -> Collections.emptyList()), BODY);
        assertEquals(200, answer.status());
        assertEquals(0, answer.body().length);
    }

    @Test
    void failuresThatCanNotBeAreAFailedAttempt() {
        assertHandlerFailed("IllegalArgumentException", batch -> null);
        assertHandlerFailed("IllegalArgumentException", batch -> Collections.singletonList(null));
        assertHandlerFailed("IllegalArgumentException", batch -> Arrays.asList(
                batch.records().get(0).reject("a"), batch.records().get(0).retry("b", null)));
        assertHandlerFailed("IllegalArgumentException", batch -> Arrays.asList(Failure.reject("orders", 3, 1202, "a gap")));
        assertHandlerFailed("IllegalArgumentException", batch -> Arrays.asList(Failure.reject("orders", 3, 7, "of partition 4")));
        assertHandlerFailed("IllegalArgumentException", batch -> Arrays.asList(Failure.reject("orders", 5, 7, "no partition")));
        assertHandlerFailed("IllegalArgumentException", batch -> Arrays.asList(Failure.reject("order", 3, 1200, "no topic")));
        assertHandlerFailed("IllegalStateException", batch -> () -> {
            throw new IllegalStateException("while the failures are read");
        });
    }

    @Test
    void soManyFailuresThatTheSidecarWouldNotReadThemSplitTheBatch() {
        long[] offsets = new long[20_000];
        Arrays.setAll(offsets, i -> i);
        Answer answer = Posts.json(
                partial(batch -> () -> batch.records().stream().map(r -> r.reject("no")).iterator()),
                Posts.batch(Posts.partition("orders", 3, offsets)));
        assertRefused(422, "refused", "so many records failed that the answer has ", answer);
    }

    @Test
    void longReasonsAreCut() throws Exception {
        String reason = String.join("", Collections.nCopies(10_000, "x"));
        Answer answer = Posts.json(partial(batch -> Arrays.asList(batch.records().get(0).reject(reason))), BODY);
        assertEquals(503, new com.fasterxml.jackson.databind.ObjectMapper().readTree(answer.body())
                .at("/failures/0/reason").asText().length());
    }

    @Test
    void busyIsNotCounted() {
        Answer answer = Posts.json(throwing(new Busy("database is away", Duration.ofMillis(1001))), BODY);
        assertRefused(503, "busy", "the application is busy: database is away", answer);
        assertEquals("2", answer.headers().get("Retry-After"));
        assertEquals("1", Posts.json(throwing(new Busy(null)), BODY).headers().get("Retry-After"));
        assertEquals("0", Posts.json(throwing(new Busy(null, Duration.ZERO)), BODY).headers().get("Retry-After"));
        Answer forever = Posts.json(throwing(new Busy(null, Duration.ofSeconds(Long.MAX_VALUE, 1))), BODY);
        assertEquals("300", forever.headers().get("Retry-After"));
    }

    @Test
    void retryIsOfTheFirstRecordOfEveryPartition() {
        Answer answer = Posts.json(throwing(new Retry("again", Duration.ofSeconds(Long.MAX_VALUE))), BODY);
        assertEquals("{\"failures\":["
                + "{\"topic\":\"orders\",\"partition\":3,\"offset\":1200,\"action\":\"retry\",\"reason\":\"again\",\"retryAfterMs\":86400000},"
                + "{\"topic\":\"orders\",\"partition\":4,\"offset\":7,\"action\":\"retry\",\"reason\":\"again\",\"retryAfterMs\":86400000}"
                + "]}", Posts.text(answer));
        assertMeans("acked", answer);
    }

    @Test
    void rejectOfABatchNamesALoneRecordAndSplitsOthers() {
        Sidecar rejecting = throwing(new Reject("unknown currency"));
        Answer one = Posts.json(rejecting, ONE_RECORD);
        assertEquals("{\"failures\":[{\"topic\":\"orders\",\"partition\":3,\"offset\":1200,\"action\":\"reject\","
                + "\"reason\":\"unknown currency\"}]}", Posts.text(one));
        assertRefused(422, "refused", "the handler rejects the batch: unknown currency;", Posts.json(rejecting, BODY));
    }

    @Test
    void whateverElseIsThrownIsAFailedAttempt() {
        assertHandlerFailed("IllegalStateException", new IllegalStateException("record data"));
        assertHandlerFailed("IOException", new java.io.IOException("record data"));
        assertHandlerFailed("OutOfMemoryError", new OutOfMemoryError("record data"));
        assertHandlerFailed("StackOverflowError", new StackOverflowError("record data"));
        assertHandlerFailed("AssertionError", new AssertionError("record data"));
        assertHandlerFailed("ExchangeTest$1", new RuntimeException("record data") {
            private static final long serialVersionUID = 1L;
        });
        assertFalse(Thread.currentThread().isInterrupted());
        assertHandlerFailed("InterruptedException", new InterruptedException("record data"));
        assertTrue(Thread.interrupted(), "the flag is back for the owner of the thread");
    }

    @ParameterizedTest
    @ValueSource(strings = {"method", "headers", "map", "body", "lookup"})
    void nothingMakesItThrow(String what) {
        Answer answer;
        switch (what) {
            case "method":
                answer = sidecar.exchange(null, name -> null, BODY);
                break;
            case "headers":
                answer = sidecar.exchange("POST", null, BODY);
                break;
            case "map":
                answer = sidecar.exchange(null, BODY);
                break;
            case "body":
                answer = sidecar.exchange(Posts.headers("application/json"), null);
                break;
            default:
                answer = sidecar.exchange("POST", name -> {
                    throw new IllegalStateException("no such look-up");
                }, BODY);
                break;
        }
        assertTrue(answer.status() >= 400, answer.toString());
        assertTrue(handled.isEmpty());
    }

    /** Asserts an answer of one line that is in the log at WARNING, and that the handler was not called. */
    private void assertRefused(int status, String kind, String start, Answer answer) {
        String text = Posts.text(answer);
        assertEquals(status, answer.status(), text);
        assertEquals("text/plain; charset=utf-8", answer.headers().get("Content-Type"));
        assertTrue(text.startsWith(start), text);
        assertFalse(text.contains("\n"), text);
        LogRecord last = log.lines().get(log.lines().size() - 1);
        assertEquals(text, last.getMessage());
        assertEquals(Level.WARNING, last.getLevel());
        assertTrue(handled.isEmpty());
        assertMeans(kind, answer);
    }

    private void assertHandlerFailed(String type, PartialHandler handler) {
        assertHandlerFailed(type, Posts.json(partial(handler), BODY));
    }

    private void assertHandlerFailed(String type, Throwable thrown) {
        assertHandlerFailed(type, Posts.json(throwing(thrown), BODY));
        assertEquals(thrown, log.lines().get(log.lines().size() - 1).getThrown());
    }

    private void assertHandlerFailed(String type, Answer answer) {
        assertEquals(500, answer.status());
        assertEquals("handler failed: " + type, Posts.text(answer));
        assertEquals(Level.SEVERE, log.lines().get(log.lines().size() - 1).getLevel());
        assertMeans("failed", answer);
    }

    /** Asserts that the vectors give an answer of that status, and with or without failures, that meaning alone. */
    private static void assertMeans(String kind, Answer answer) {
        boolean failures = Posts.text(answer).startsWith("{\"failures\":[{");
        Set<String> kinds = new HashSet<>();
        for (JsonNode vector : Vectors.read("answer.json").get("cases")) {
            boolean comparable = answer.status() != 200
                    || failures && vector.at("/outcome/failures").isArray()
                    || !failures && vector.path("body").asText().isEmpty() && !vector.has("bodyBase64") && !vector.has("bodyRepeat");
            if (vector.get("status").asInt() == answer.status() && comparable) {
                kinds.add(vector.at("/outcome/kind").asText());
            }
        }
        assertEquals(Collections.singleton(kind), kinds, answer.toString());
    }

    private static Sidecar partial(PartialHandler handler) {
        return Sidecar.handle(Handlers.partial(handler));
    }

    private static Sidecar throwing(Throwable thrown) {
        return Sidecar.handle(batch -> ExchangeTest.<RuntimeException>sneaky(thrown));
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private static String first(String contentType, String name) {
        List<String> values = Posts.headers(contentType).get(name);
        return values == null ? null : values.get(0);
    }
}
