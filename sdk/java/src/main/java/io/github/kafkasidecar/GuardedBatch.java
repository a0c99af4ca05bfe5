package io.github.kafkasidecar;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Logger;

/** One batch in one transaction of {@link JdbcOffsetGuard}. Commits nothing. One use, one thread. */
final class GuardedBatch {
    private static final Logger LOG = Logger.getLogger("io.github.kafkasidecar");

    private final OffsetTable table;
    private final Batch batch;
    private final List<Record> unapplied = new ArrayList<>();

    private GuardedBatch(OffsetTable table, Batch batch) {
        this.table = table;
        this.batch = batch;
    }

    /**
     * Locks the rows of all ranges, in the order of the body: two transactions lock in the same order.
     *
     * @throws Busy as {@link OffsetTable#claim}
     */
    static GuardedBatch claim(Connection connection, String tableName, Batch batch) throws SQLException {
        GuardedBatch claimed = new GuardedBatch(new OffsetTable(connection, tableName), batch);
        for (Partition partition : batch.partitions()) {
            claimed.addUnapplied(partition, claimed.table.claim(batch.group(), partition.range()), tableName);
        }
        return claimed;
    }

    private void addUnapplied(Partition partition, long appliedUntil, String tableName) {
        int applied = 0;
        for (Record record : partition.records()) {
            if (record.offset() < appliedUntil) {
                applied++;
            } else {
                unapplied.add(record);
            }
        }
        if (applied > 0) {
            LOG.info("skipped " + applied + " records of " + partition + ": applied before, " + tableName + " has offset "
                    + appliedUntil);
        }
    }

    /** The records that no committed transaction has applied, in body order. */
    List<Record> unapplied() {
        return unapplied;
    }

    /** Marks everything as applied. */
    void advance() throws SQLException {
        advance(new ArrayList<>());
    }

    /**
     * Marks as applied what comes before the first failure of each partition.
     *
     * @param failures in body order
     */
    void advance(List<Failure> failures) throws SQLException {
        for (OffsetRange range : batch.ranges()) {
            table.advance(batch.group(), range, firstFailure(range, failures));
        }
    }

    private static long firstFailure(OffsetRange range, List<Failure> failures) {
        for (Failure failure : failures) {
            if (failure.partition() == range.partition() && failure.topic().equals(range.topic())) {
                return failure.offset();
            }
        }
        return range.untilOffset();
    }
}
