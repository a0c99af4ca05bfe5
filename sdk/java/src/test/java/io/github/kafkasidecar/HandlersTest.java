package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What each() makes of what a function of one record throws, and that failures never get lost. */
class HandlersTest {
    private static final Batch BATCH = new BatchBuilder()
            .partition("orders", 3).record("a", "0").record("a", "1").offset(5).record("a", "5")
            .partition("orders", 4).record("b", "0").record("b", "1")
            .partition("payments", 4).record("c", "0")
            .build();

    private final Map<String, Exception> throwing = new HashMap<>();
    private final List<String> called = new ArrayList<>();
    private final Handler each = Handlers.each(record -> {
        called.add(record.toString());
        if (throwing.containsKey(record.toString())) {
            throw throwing.get(record.toString());
        }
    });
    private final LogLines log = new LogLines();

    @BeforeEach
    void attach() {
        log.attach();
    }

    @AfterEach
    void detach() {
        log.detach();
    }

    private List<String> failures() throws Exception {
        List<String> failures = new ArrayList<>();
        each.handlePartly(BATCH).forEach(failure -> failures.add(failure
                + (failure.retryAfter() == null ? "" : " after " + failure.retryAfter())));
        return failures;
    }

    @Test
    void allAreHandledInOrder() throws Exception {
        assertEquals(Collections.emptyList(), failures());
        assertEquals(
                Arrays.asList("orders/3@0", "orders/3@1", "orders/3@5", "orders/4@0", "orders/4@1", "payments/4@0"), called);
    }

    @Test
    void aRejectDoesNotHoldUpItsPartition() throws Exception {
        throwing.put("orders/3@1", new Reject("unknown currency"));
        throwing.put("orders/3@5", new Reject(null));
        assertEquals(Arrays.asList("reject orders/3@1: unknown currency", "reject orders/3@5"), failures());
        assertEquals(6, called.size());
    }

    @Test
    void aRetryStopsItsPartitionOnly() throws Exception {
        throwing.put("orders/3@1", new Retry("locked", Duration.ofSeconds(2)));
        throwing.put("orders/4@0", new Retry(null));
        assertEquals(Arrays.asList("retry orders/3@1: locked after PT2S", "retry orders/4@0"), failures());
        assertEquals(Arrays.asList("orders/3@0", "orders/3@1", "orders/4@0", "payments/4@0"), called);
        assertTrue(log.lines().isEmpty());
    }

    @Test
    void anUnexpectedExceptionIsLoggedAndARetry() throws Exception {
        Exception unexpected = new IllegalStateException("record data");
        throwing.put("orders/4@0", unexpected);
        assertEquals(Arrays.asList("retry orders/4@0: handler failed: IllegalStateException"), failures());
        LogRecord line = log.lines().get(0);
        assertEquals("handler failed for orders/4@0", line.getMessage());
        assertSame(unexpected, line.getThrown());
        assertEquals(Arrays.asList("orders/3@0", "orders/3@1", "orders/3@5", "orders/4@0", "payments/4@0"), called);
    }

    @Test
    void busyAtTheFirstRecordIsOfTheWholeBatch() {
        Busy busy = new Busy("database is away");
        throwing.put("orders/3@0", busy);
        assertSame(busy, assertThrows(Busy.class, this::failures));
        assertEquals(503, Posts.json(Sidecar.handle(each), Posts.batch(Posts.partition("orders", 3, 0))).status());
    }

    @Test
    void busyLaterRetriesWhatWasNotHandled() throws Exception {
        throwing.put("orders/3@1", new Busy("database is away", Duration.ofSeconds(9)));
        assertEquals(Arrays.asList(
                "retry orders/3@1: database is away after PT9S",
                "retry orders/4@0: database is away after PT9S",
                "retry payments/4@0: database is away after PT9S"), failures());
        assertEquals(Arrays.asList("orders/3@0", "orders/3@1"), called);
    }

    @Test
    void busyAfterAFailureKeepsTheFailure() throws Exception {
        throwing.put("orders/3@0", new Reject("never"));
        throwing.put("orders/3@1", new Busy(null));
        assertEquals(
                Arrays.asList("reject orders/3@0: never", "retry orders/3@1", "retry orders/4@0", "retry payments/4@0"),
                failures());
    }

    @Test
    void busyAfterARetryKeepsTheRetry() throws Exception {
        throwing.put("orders/3@0", new Retry("locked"));
        throwing.put("orders/4@0", new Busy(null));
        assertEquals(Arrays.asList("retry orders/3@0: locked", "retry orders/4@0", "retry payments/4@0"), failures());
    }

    @Test
    void anInterruptOrAnErrorEndsTheBatch() {
        throwing.put("orders/3@1", new InterruptedException());
        assertThrows(InterruptedException.class, this::failures);
        Handler failing = Handlers.each(record -> {
            throw new AssertionError();
        });
        assertThrows(AssertionError.class, () -> failing.handlePartly(BATCH));
    }

    @Test
    void aWrapperThatKnowsNothingOfFailuresLosesNone() throws Exception {
        Handler wrapper = each::handle;
        assertFalse(wrapper.handlePartly(BATCH).iterator().hasNext());
        throwing.put("orders/3@1", new Reject("never"));
        assertThrows(IllegalStateException.class, () -> wrapper.handlePartly(BATCH));
    }

    @Test
    void durationsMustNotBeNegative() {
        Duration negative = Duration.ofNanos(-1);
        assertThrows(IllegalArgumentException.class, () -> new Retry(null, negative));
        assertThrows(IllegalArgumentException.class, () -> new Busy(null, negative));
        assertThrows(IllegalArgumentException.class, () -> BATCH.records().get(0).retry(null, negative));
    }
}
