package io.github.kafkasidecar;

import static io.github.kafkasidecar.GuardBatches.batch;
import static io.github.kafkasidecar.GuardBatches.range;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.kafkasidecar.GuardDatabase.Row;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@link JdbcOffsetGuard#records} promises with every database. */
abstract class OffsetGuardContract {
    final JdbcOffsetGuard guard = new JdbcOffsetGuard();
    final List<LogRecord> log = new ArrayList<>();
    GuardDatabase database;

    private final Logger logger = Logger.getLogger("io.github.kafkasidecar");
    private final java.util.logging.Handler recorder = new StreamHandler() {
        @Override
        public synchronized void publish(LogRecord line) {
            log.add(line);
        }
    };

    abstract GuardDatabase newDatabase() throws SQLException;

    @BeforeEach
    void recordTheLog() {
        logger.addHandler(recorder);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void leaveTheLog() {
        logger.setUseParentHandlers(true);
        logger.removeHandler(recorder);
    }

    @BeforeEach
    void createTable() throws SQLException {
        database = newDatabase();
        try (Connection connection = database.open()) {
            guard.createTable(connection);
        }
    }

    @AfterEach
    void closeDatabase() throws SQLException {
        if (database != null) {
            database.close();
        }
    }

    /** Applies a batch as an application does that commits. */
    void apply(Batch batch) throws SQLException {
        try (Connection connection = database.begin()) {
            for (Record record : guard.records(connection, batch)) {
                GuardDatabase.write(connection, record);
            }
            connection.commit();
        }
    }

    Row row(int partition) throws SQLException {
        return database.row("billing", "orders", partition);
    }

    /** Checks what was written in all, each record once. */
    void assertWritten(String... records) throws SQLException {
        assertEquals(Arrays.stream(records).sorted().toList(), database.written());
    }

    static String[] offsets(int partition, long from, long until) {
        return LongStream.range(from, until).mapToObj(offset -> "orders/" + partition + "@" + offset).toArray(String[]::new);
    }

    static String[] all(String[]... parts) {
        return Arrays.stream(parts).flatMap(Arrays::stream).toArray(String[]::new);
    }

    @Test
    void theFirstBatchIsAppliedAndMarked() throws SQLException {
        apply(batch(range(0, 10, 13, 7), range(3, 0, 2, 8)));

        assertWritten(all(offsets(0, 10, 13), offsets(3, 0, 2)));
        assertEquals(new Row(13, 7), row(0));
        assertEquals(new Row(2, 8), row(3));
    }

    @Test
    void recordsComeInTheOrderOfTheBody() throws SQLException {
        try (Connection connection = database.begin()) {
            StringBuilder order = new StringBuilder();
            guard.records(connection, batch(range(0, 10, 12, 1), range(1, 5, 6, 1))).forEach(r -> order.append(r).append(' '));
            assertEquals("orders/0@10 orders/0@11 orders/1@5 ", order.toString());
            connection.rollback();
        }
    }

    @Test
    void aRepeatedBatchIsPassedBy() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        apply(batch(range(0, 0, 5, 1)));

        assertWritten(offsets(0, 0, 5));
        assertEquals(new Row(5, 1), row(0));
    }

    @Test
    void aLineOfTheLogSaysWhatIsPassedBy() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        apply(batch(range(0, 3, 8, 1), range(1, 0, 2, 1)));

        assertEquals(
                List.of("INFO skipped 2 records of orders/0 [3, 8): applied before, kafka_sidecar_offsets has offset 5"),
                log.stream().map(line -> line.getLevel() + " " + line.getMessage()).toList());
    }

    @Test
    void rangesMayBeCutDifferently() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        apply(batch(range(0, 3, 8, 2)));
        apply(batch(range(0, 0, 4, 2)));
        apply(batch(range(0, 0, 10, 2)));

        assertWritten(offsets(0, 0, 10));
    }

    @Test
    void aRowNeverGoesBack() throws SQLException {
        apply(batch(range(0, 0, 8, 3)));
        apply(batch(range(0, 0, 5, 3)));

        assertEquals(new Row(8, 3), row(0));
    }

    @Test
    void aBatchBehindAGapIsAppliedWhole() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        apply(batch(range(0, 9, 11, 1)));

        assertWritten(all(offsets(0, 0, 5), offsets(0, 9, 11)));
    }

    @Test
    void anOwnerOfThePastWritesNothing() throws SQLException {
        apply(batch(range(1, 0, 5, 2)));

        try (Connection connection = database.begin()) {
            StaleFence refused = assertThrows(
                    StaleFence.class, () -> guard.records(connection, batch(range(0, 0, 3, 1), range(1, 5, 8, 1))));
            assertEquals("orders/1 has a newer owner: kafka_sidecar_offsets has the fence 2, this batch 1", refused.reason());
            connection.rollback();
        }
        assertWritten(offsets(1, 0, 5));
        assertEquals(new Row(5, 2), row(1));
        assertNull(row(0), "the partition before it in the batch");
    }

    @Test
    void anOwnerOfThePastIsRefusedEvenIfTheNewOneOnlySawRepeats() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        apply(batch(range(0, 0, 5, 2)));

        assertEquals(new Row(5, 2), row(0));
        try (Connection connection = database.begin()) {
            assertThrows(StaleFence.class, () -> guard.records(connection, batch(range(0, 5, 6, 1))));
        }
    }

    @Test
    void groupsTopicsAndPartitionsAreApart() throws SQLException {
        apply(batch(range(0, 0, 2, 5)));
        apply(batch("Billing", range(0, 0, 2, 1)));
        apply(batch(new OffsetRange("Orders", 0, 0, 2, 1)));
        apply(batch(range(1, 0, 2, 1)));

        assertEquals(8, database.written().size());
        assertEquals(new Row(2, 5), row(0));
        assertEquals(new Row(2, 1), database.row("Billing", "orders", 0));
    }

    @Test
    void aRollbackLeavesTheRow() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        try (Connection connection = database.begin()) {
            for (Record record : guard.records(connection, batch(range(0, 5, 9, 2), range(1, 0, 3, 2)))) {
                GuardDatabase.write(connection, record);
            }
            connection.rollback();
        }
        assertEquals(new Row(5, 1), row(0));
        assertNull(row(1));

        apply(batch(range(0, 5, 9, 2), range(1, 0, 3, 2)));
        assertWritten(all(offsets(0, 0, 9), offsets(1, 0, 3)));
    }

    @Test
    void aLoopThatIsLeftEarlyMarksNothing() throws SQLException {
        try (Connection connection = database.begin()) {
            for (Record record : guard.records(connection, batch(range(0, 4, 9, 1)))) {
                if (record.offset() == 8) { // the last one, so that only the end of the iterator is missing
                    break;
                }
            }
            connection.commit();
        }
        assertEquals(new Row(4, 1), row(0));
    }

    @Test
    void anEmptyRestIsMarkedToo() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        try (Connection connection = database.begin()) {
            Iterator<Record> records = guard.records(connection, batch(range(0, 0, 5, 4))).iterator();
            assertTrue(!records.hasNext() && !records.hasNext(), "asking twice changes nothing");
            connection.commit();
        }
        assertEquals(new Row(5, 4), row(0));
    }

    @Test
    void aFailureWhileMarkingIsThrown() throws SQLException {
        Connection connection = database.begin();
        Iterator<Record> records = guard.records(connection, batch(range(0, 0, 1, 1))).iterator();
        records.next();
        connection.close();

        var failure = assertThrows(JdbcOffsetGuard.UncheckedSqlException.class, records::hasNext);
        assertEquals(failure.getCause().getMessage(), failure.getMessage());
        assertNull(row(0));
    }

    @Test
    void aRowThatIsNotWhereItWasReadIsBusy() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        try (Connection connection = database.begin();
                Statement statement = connection.createStatement()) {
            Iterator<Record> records = guard.records(connection, batch(range(0, 5, 6, 1))).iterator();
            records.next();
            statement.execute("UPDATE kafka_sidecar_offsets SET until_offset = 6"); // as a read from a snapshot misses it
            assertThrows(Busy.class, records::hasNext);
            connection.rollback();
        }
        assertEquals(new Row(5, 1), row(0));
    }

    @Test
    void aTableMustBeAName() {
        for (String name : List.of("", "a b", "a;b", "\"a\"", "a.", ".a")) {
            var refused = assertThrows(IllegalArgumentException.class, () -> new JdbcOffsetGuard(name));
            assertTrue(refused.getMessage().contains('"' + name + '"'), refused.getMessage());
        }
    }

    @Test
    void autocommitIsRefused() throws SQLException {
        try (Connection connection = database.open()) {
            var refused = assertThrows(IllegalStateException.class, () -> guard.records(connection, batch(range(0, 0, 5, 1))));
            assertTrue(refused.getMessage().contains("call setAutoCommit(false)"), refused.getMessage());
        }
        assertNull(row(0));
    }

    @Test
    void theRecordsAreIteratedOnce() throws SQLException {
        try (Connection connection = database.begin()) {
            Iterable<Record> records = guard.records(connection, batch(range(0, 0, 5, 1)));
            records.forEach(record -> {});
            assertThrows(IllegalStateException.class, records::iterator);
            connection.rollback();
        }
    }

    @Test
    void theTableMayBeCreatedAgainAndNamedOtherwise() throws SQLException {
        apply(batch(range(0, 0, 5, 1)));
        var other = new JdbcOffsetGuard("other_offsets");
        try (Connection connection = database.open()) {
            guard.createTable(connection);
            other.createTable(connection);
            connection.setAutoCommit(false);
            assertTrue(other.records(connection, batch(range(0, 0, 5, 1))).iterator().hasNext(), "a table of its own");
            connection.rollback();
        }
        assertEquals(new Row(5, 1), row(0), "kept");
    }

    @Test
    void theTableIsCommitted() throws SQLException {
        var other = new JdbcOffsetGuard("other_offsets");
        try (Connection connection = database.begin()) {
            other.createTable(connection);
            connection.rollback();
            assertTrue(other.records(connection, batch(range(0, 0, 5, 1))).iterator().hasNext());
            connection.rollback();
        }
    }

    @Test
    void aTableThatCannotBeCreatedIsAnError() throws SQLException {
        try (Connection connection = database.open()) {
            assertThrows(SQLException.class, () -> new JdbcOffsetGuard("no_such_schema.offsets").createTable(connection));
        }
    }

    @Test
    void aMissingTableIsAnError() throws SQLException {
        try (Connection connection = database.begin()) {
            var missing = new JdbcOffsetGuard("missing");
            assertThrows(SQLException.class, () -> missing.records(connection, batch(range(0, 0, 5, 1))));
        }
    }
}
