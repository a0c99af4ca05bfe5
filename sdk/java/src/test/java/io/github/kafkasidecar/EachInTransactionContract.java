package io.github.kafkasidecar;

import static io.github.kafkasidecar.GuardBatches.batch;
import static io.github.kafkasidecar.GuardBatches.range;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.kafkasidecar.GuardDatabase.Row;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link JdbcOffsetGuard#each} promises with every database. */
abstract class EachInTransactionContract extends OffsetGuardContract {
    private final List<Connection> opened = new ArrayList<>();

    /** Opens a connection in autocommit mode, as most pools give it. */
    private Connection open() throws SQLException {
        Connection connection = database.open();
        opened.add(connection);
        return connection;
    }

    /** Handles a batch with a function that is called after the record was written. */
    List<Failure> each(Batch batch, JdbcOffsetGuard.RecordWriter afterWrite) throws Exception {
        List<Failure> failures = new ArrayList<>();
        guard.each(this::open, (connection, record) -> {
            GuardDatabase.write(connection, record);
            afterWrite.write(connection, record);
        }).handlePartly(batch).forEach(failures::add);
        for (Connection connection : opened) {
            assertTrue(connection.isClosed(), "every connection is closed");
        }
        return failures;
    }

    static void nothing(Connection connection, Record record) {}

    static JdbcOffsetGuard.RecordWriter at(int partition, long offset, JdbcOffsetGuard.RecordWriter then) {
        return (connection, record) -> {
            if (record.partition() == partition && record.offset() == offset) {
                then.write(connection, record);
            }
        };
    }

    private static JdbcOffsetGuard.RecordWriter failAt(int partition, long offset, Throwable failure) {
        return at(partition, offset, (connection, record) -> {
            if (failure instanceof Error error) {
                throw error;
            }
            throw (Exception) failure;
        });
    }

    @Test
    void eachWritesAndMarksABatchOnce() throws Exception {
        Batch batch = batch(range(0, 0, 3, 1), range(1, 5, 7, 1));
        assertEquals(List.of(), each(batch, EachInTransactionContract::nothing));
        assertEquals(List.of(), each(batch, EachInTransactionContract::nothing));

        assertWritten(all(offsets(0, 0, 3), offsets(1, 5, 7)));
        assertEquals(new Row(3, 1), row(0));
        assertEquals(new Row(7, 1), row(1));
    }

    @Test
    void aRetryMarksItsPartitionUpToTheRecord() throws Exception {
        Batch batch = batch(range(0, 0, 5, 1), range(1, 0, 2, 1));
        List<Failure> failures = each(batch, failAt(0, 2, new Retry("locked", Duration.ofSeconds(3))));

        assertEquals(List.of(Failure.retry("orders", 0, 2, "locked", Duration.ofSeconds(3))), failures);
        assertWritten(all(offsets(0, 0, 2), offsets(1, 0, 2)));
        assertEquals(new Row(2, 1), row(0));
        assertEquals(new Row(2, 1), row(1));

        assertEquals(List.of(), each(batch(range(0, 2, 5, 1)), EachInTransactionContract::nothing));
        assertWritten(all(offsets(0, 0, 5), offsets(1, 0, 2)));
    }

    @Test
    void aRejectIsUndoneAndWhatFollowsItComesInTheNextBatch() throws Exception {
        Batch batch = batch(range(0, 0, 5, 1), range(1, 0, 2, 1));
        List<Failure> failures = each(batch, failAt(0, 2, new Reject("no such customer")));

        assertEquals(
                List.of(
                        Failure.reject("orders", 0, 2, "no such customer"),
                        Failure.retry("orders", 0, 3, "comes after the rejected record orders/0@2", Duration.ofMillis(1))),
                failures);
        assertWritten(all(offsets(0, 0, 2), offsets(1, 0, 2)));

        assertEquals(List.of(), each(batch(range(0, 3, 5, 1)), EachInTransactionContract::nothing));
        assertWritten(all(offsets(0, 0, 2), offsets(0, 3, 5), offsets(1, 0, 2)));
    }

    @Test
    void aRejectedRecordThatIsKeptIsHandledWhenItComesAgain() throws Exception {
        JdbcOffsetGuard.RecordWriter rejecting = failAt(0, 4, new Reject(null));
        assertEquals(List.of(Failure.reject("orders", 0, 4, null)), each(batch(range(0, 0, 5, 1)), rejecting));
        assertEquals(new Row(4, 1), row(0));

        assertEquals(List.of(Failure.reject("orders", 0, 4, null)), each(batch(range(0, 4, 5, 1)), rejecting));
        assertEquals(List.of(), each(batch(range(0, 4, 6, 1)), EachInTransactionContract::nothing));
        assertWritten(offsets(0, 0, 6));
    }

    @Test
    void anUnexpectedExceptionIsARetryOfThatRecord() throws Exception {
        List<Failure> failures = each(batch(range(0, 0, 5, 1)), failAt(0, 3, new IllegalArgumentException("secret")));

        assertEquals(List.of(Failure.retry("orders", 0, 3, "handler failed: IllegalArgumentException", null)), failures);
        assertWritten(offsets(0, 0, 3));
        assertEquals(new Row(3, 1), row(0));
    }

    @Test
    void anSqlErrorUndoesThatRecordOnly() throws Exception {
        database.execute("CREATE UNIQUE INDEX once ON written (record)");
        database.execute("INSERT INTO written VALUES ('orders/0@1')");

        List<Failure> failures = each(batch(range(0, 0, 3, 1), range(1, 0, 2, 1)), EachInTransactionContract::nothing);

        assertEquals(1, failures.size());
        assertEquals(1, failures.get(0).offset());
        assertWritten(all(offsets(0, 0, 2), offsets(1, 0, 2)));
        assertEquals(new Row(1, 1), row(0));
        assertEquals(new Row(2, 1), row(1));
    }

    @Test
    void busyAtTheFirstRecordIsBusyForTheBatch() throws Exception {
        apply(batch(range(0, 0, 2, 1))); // what is passed by was not handled either
        Busy busy = new Busy("paused", Duration.ofSeconds(5));

        assertEquals(busy, assertThrows(Busy.class, () -> each(batch(range(0, 0, 4, 2)), failAt(0, 2, busy))));
        assertWritten(offsets(0, 0, 2));
        assertEquals(new Row(2, 1), row(0));
    }

    @Test
    void busyLaterKeepsWhatIsDone() throws Exception {
        Duration wait = Duration.ofSeconds(5);
        List<Failure> failures = each(batch(range(0, 0, 4, 1), range(1, 7, 9, 1)), failAt(0, 2, new Busy("paused", wait)));

        assertEquals(
                List.of(Failure.retry("orders", 0, 2, "paused", wait), Failure.retry("orders", 1, 7, "paused", wait)), failures);
        assertWritten(offsets(0, 0, 2));
        assertEquals(new Row(2, 1), row(0));
        assertEquals(new Row(7, 1), row(1));
    }

    @Test
    void anOwnerOfThePastIsNotHandled() throws Exception {
        apply(batch(range(0, 0, 2, 2)));

        assertThrows(StaleFence.class, () -> each(batch(range(0, 0, 4, 1)), EachInTransactionContract::nothing));
        assertWritten(offsets(0, 0, 2));
    }

    @Test
    void anErrorEndsTheBatch() throws Exception {
        for (Throwable failure : List.of(new StackOverflowError(), new InterruptedException())) {
            assertEquals(
                    failure,
                    assertThrows(failure.getClass(), () -> each(batch(range(0, 0, 4, 1)), failAt(0, 2, failure))));
        }
        assertWritten();
        assertNull(row(0));
    }

    @Test
    void aCommitThatFailsAcknowledgesNothing() throws Exception {
        SQLException noSpace = new SQLException("no space");
        Handler handler = guard.each(
                () -> replacing(open(), "commit", () -> {
                    throw noSpace;
                }),
                GuardDatabase::write);

        assertEquals(noSpace, assertThrows(SQLException.class, () -> handler.handlePartly(batch(range(0, 0, 4, 1)))));
        assertWritten();
        assertNull(row(0));
        assertTrue(opened.get(0).isClosed());
    }

    @Test
    void aTransactionWhoseSavepointsFailIsNotCommitted() throws Exception {
        SQLException lost = new SQLException("connection lost");
        for (String method : List.of("setSavepoint", "rollbackTo")) {
            Handler handler = guard.each(
                    () -> replacing(open(), method, () -> {
                        throw lost;
                    }),
                    (connection, record) -> {
                        GuardDatabase.write(connection, record);
                        throw new Retry("no matter");
                    });

            Batch batch = batch(range(0, 0, 4, 1), range(1, 0, 4, 1));
            assertEquals(lost, assertThrows(SQLException.class, () -> handler.handlePartly(batch)), method);
            assertWritten();
            assertNull(row(0));
        }
    }

    @Test
    void aDriverNeedNotReleaseSavepoints() throws Exception {
        Handler handler = guard.each(
                () -> replacing(open(), "releaseSavepoint", () -> {
                    throw new SQLFeatureNotSupportedException();
                }),
                GuardDatabase::write);
        assertFalse(handler.handlePartly(batch(range(0, 0, 4, 1))).iterator().hasNext());
        assertWritten(offsets(0, 0, 4));
    }

    @Test
    void aDatabaseThatIsAwayIsBusy() {
        Handler handler = guard.each(() -> {
            throw new SQLException("password of app is wrong");
        }, GuardDatabase::write);

        Busy busy = assertThrows(Busy.class, () -> handler.handlePartly(batch(range(0, 0, 4, 1))));
        assertEquals("the database can't be reached", busy.reason());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void everyRecordTakesEffectOnceWhateverHappens(long seed) throws Exception {
        new OffsetGuardModel(seed, guard, database).run();
    }

    @Test
    void everyRecordTakesEffectOnceWhateverHappensWithANewSeed() throws Exception {
        new OffsetGuardModel(System.nanoTime(), guard, database).run();
    }

    @Test
    void autocommitIsAsItWas() throws Exception {
        for (boolean before : new boolean[] {true, false}) {
            List<Boolean> atClose = new ArrayList<>();
            Connection connection = open();
            connection.setAutoCommit(before);
            Handler handler = guard.each(
                    () -> replacing(connection, "close", () -> atClose.add(connection.getAutoCommit())),
                    (c, record) -> {
                        assertFalse(c.getAutoCommit());
                        if (record.offset() == 1) {
                            throw new StackOverflowError();
                        }
                    });
            handler.handlePartly(batch(range(0, 0, 1, 1)));
            assertThrows(StackOverflowError.class, () -> handler.handlePartly(batch(range(0, 1, 2, 1))));
            assertEquals(List.of(before, before), atClose);
            connection.close();
        }
    }

    /** Stands in for a method of the connection. */
    interface Replacement {
        void call() throws SQLException;
    }

    /** A connection of which one method does something else; "rollbackTo" is the rollback to a savepoint. */
    static Connection replacing(Connection connection, String name, Replacement replacement) {
        return (Connection) Proxy.newProxyInstance(
                EachInTransactionContract.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                    boolean toSavepoint = method.getName().equals("rollback") && args != null;
                    if (name.equals(toSavepoint ? "rollbackTo" : method.getName())) {
                        replacement.call();
                        return null;
                    }
                    try {
                        return method.invoke(connection, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
