package io.github.kafkasidecar;

import static io.github.kafkasidecar.GuardBatches.batch;
import static io.github.kafkasidecar.GuardBatches.range;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.kafkasidecar.GuardDatabase.Row;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The guard with a server, where transactions meet. */
class PostgresOffsetGuardTest extends EachInTransactionContract {
    private final ExecutorService others = Executors.newCachedThreadPool();

    @Override
    GuardDatabase newDatabase() throws SQLException {
        return GuardDatabase.postgres();
    }

    @AfterEach
    void endOthers() throws InterruptedException {
        others.shutdownNow();
        assertTrue(others.awaitTermination(10, TimeUnit.SECONDS));
    }

    @Test
    void theSecondTransactionWaitsAndAppliesTheRest() throws Exception {
        apply(batch(range(0, 0, 1, 1)));
        Future<Void> second;
        try (Connection first = database.begin()) {
            Iterable<Record> records = guard.records(first, batch(range(0, 1, 4, 1)));
            second = whileWaiting(() -> apply(batch(range(0, 1, 6, 1))));
            for (Record record : records) {
                GuardDatabase.write(first, record);
            }
            first.commit();
        }
        second.get();
        assertWritten(offsets(0, 0, 6));
    }

    @Test
    void theSecondTransactionAppliesAllIfTheFirstRollsBack() throws Exception {
        apply(batch(range(0, 0, 1, 1)));
        Future<Void> second;
        try (Connection first = database.begin()) {
            guard.records(first, batch(range(0, 1, 4, 1)));
            second = whileWaiting(() -> apply(batch(range(0, 1, 6, 1))));
            first.rollback();
        }
        second.get();
        assertWritten(offsets(0, 0, 6));
    }

    @Test
    void anOwnerOfThePastThatWaitedIsRefused() throws Exception {
        apply(batch(range(0, 0, 1, 1)));
        Future<Void> zombie;
        try (Connection first = database.begin()) {
            guard.records(first, batch(range(0, 1, 4, 2)));
            zombie = whileWaiting(() -> apply(batch(range(0, 1, 6, 1))));
            first.commit();
        }
        assertInstanceOf(StaleFence.class, assertThrows(ExecutionException.class, zombie::get).getCause());
        assertWritten(offsets(0, 0, 1));
    }

    @Test
    void theSecondOfTwoFirstInsertsIsBusyAndThenAppliesTheRest() throws Exception {
        Future<Void> second;
        try (Connection first = database.begin()) {
            for (Record record : guard.records(first, batch(range(0, 0, 4, 1)))) {
                GuardDatabase.write(first, record);
            }
            second = whileWaiting(() -> apply(batch(range(0, 0, 6, 1))));
            first.commit();
        }
        Throwable refused = assertThrows(ExecutionException.class, second::get).getCause();
        assertEquals(Busy.class, refused.getClass(), refused.toString());
        assertWritten(offsets(0, 0, 4));

        apply(batch(range(0, 0, 6, 1))); // the sidecar sends it again
        assertWritten(offsets(0, 0, 6));
    }

    @Test
    void theSecondOfTwoFirstInsertsGoesOnIfTheFirstRollsBack() throws Exception {
        Future<Void> second;
        try (Connection first = database.begin()) {
            guard.records(first, batch(range(0, 0, 4, 2)));
            second = whileWaiting(() -> apply(batch(range(0, 0, 6, 1))));
            first.rollback();
        }
        second.get();
        assertWritten(offsets(0, 0, 6));
        assertEquals(new Row(6, 1), row(0));
    }

    @Test
    void batchesOfSeveralPartitionsDoNotDeadlock() throws Exception {
        List<Future<Void>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(others.submit(() -> {
                for (int n = 0; n < 20; n++) {
                    applyUntilNotBusy(batch(range(0, n, n + 1, 1), range(1, n, n + 1, 1), range(2, n, n + 1, 1)));
                }
                return null;
            }));
        }
        for (Future<Void> one : all) {
            one.get();
        }
        assertWritten(all(offsets(0, 0, 20), offsets(1, 0, 20), offsets(2, 0, 20)));
    }

    private void applyUntilNotBusy(Batch batch) throws SQLException {
        for (;;) {
            try {
                apply(batch);
                return;
            } catch (Busy busy) {
                // Two first inserts met.
            }
        }
    }

    @Test
    void processesMayCreateTheTableAtOnce() throws Exception {
        int processes = 8;
        CyclicBarrier together = new CyclicBarrier(processes);
        for (int round = 0; round < 5; round++) {
            var other = new JdbcOffsetGuard("created_" + round);
            List<Future<Void>> all = new ArrayList<>();
            for (int i = 0; i < processes; i++) {
                boolean transaction = i % 2 == 0;
                all.add(others.submit(() -> {
                    try (Connection connection = transaction ? database.begin() : database.open()) {
                        together.await();
                        other.createTable(connection);
                    }
                    return null;
                }));
            }
            for (Future<Void> one : all) {
                one.get();
            }
        }
    }

    @Test
    void anErrorThatTheWriterHidesIsARetryOfThatRecord() throws Exception {
        List<Failure> failures = each(batch(range(0, 0, 4, 1)), (connection, record) -> {
            if (record.offset() == 2) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("SELECT 1 / 0");
                } catch (SQLException e) {
                    // PostgreSQL refuses everything in this transaction from now on.
                }
            }
        });
        assertEquals(1, failures.size());
        assertEquals(2, failures.get(0).offset());
        assertWritten(offsets(0, 0, 2));
    }

    @Test
    void aWriterThatCommitsFailsTheBatch() {
        assertThrows(
                SQLException.class,
                () -> each(batch(range(0, 0, 4, 1)), at(0, 1, (connection, record) -> connection.commit())));
    }

    @Test
    void aConstraintThatFailsAtTheCommitAcknowledgesNothing() throws Exception {
        database.execute("ALTER TABLE written ADD CONSTRAINT once UNIQUE (record) DEFERRABLE INITIALLY DEFERRED");
        database.execute("INSERT INTO written VALUES ('orders/0@1')");

        var failure = assertThrows(
                SQLException.class, () -> each(batch(range(0, 0, 4, 1)), EachInTransactionContract::nothing));
        assertEquals("23505", failure.getSQLState());
        assertWritten("orders/0@1");
        assertNull(row(0));
    }

    /** Something that may fail with a checked exception. */
    interface Step {
        void run() throws Exception;
    }

    /** Starts a step in another thread and returns when its transaction waits for a lock. */
    private Future<Void> whileWaiting(Step step) throws Exception {
        Future<Void> running = others.submit((Callable<Void>) () -> {
            step.run();
            return null;
        });
        String waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
                + " WHERE NOT l.granted AND a.query LIKE '%" + JdbcOffsetGuard.DEFAULT_TABLE + "%'";
        Instant end = Instant.now().plus(Duration.ofSeconds(30));
        while (database.query(waiting, rows -> rows.getLong(1)).get(0) == 0) {
            if (running.isDone() || Instant.now().isAfter(end)) {
                running.cancel(true);
                throw new AssertionError("the other transaction does not wait");
            }
            Thread.onSpinWait();
        }
        return running;
    }
}
