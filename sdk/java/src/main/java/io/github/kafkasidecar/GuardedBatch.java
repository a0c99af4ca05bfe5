package io.github.kafkasidecar;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** One batch in one transaction of {@link JdbcOffsetGuard}. Commits nothing. One use, one thread. */
final class GuardedBatch {
    private final OffsetTable table;
    private final Batch batch;
    private final List<Long> applied = new ArrayList<>(); // for each range, until which offset
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
            claimed.add(partition, claimed.table.claim(batch.group(), partition.range()), tableName);
        }
        return claimed;
    }

    private void add(Partition partition, long until, String tableName) {
        applied.add(until);
        int skipped = 0;
        for (Record record : partition.records()) {
            if (record.offset() < until) {
                skipped++;
            } else {
                unapplied.add(record);
            }
        }
        if (skipped > 0) {
            Log.LOG.info("skipped " + skipped + " records of " + partition + ": applied before, " + tableName + " has offset " + until);
        }
    }

    /** The records that no committed transaction has applied, in body order. */
    List<Record> unapplied() {
        return unapplied;
    }

    /** Marks everything as applied. */
    void advance() throws SQLException {
        advance(Collections.emptyList());
    }

    /**
     * Marks as applied what comes before the first failure of each partition.
     *
     * @param failures in body order
     * @throws Busy as {@link OffsetTable#advance}
     */
    void advance(List<Failure> failures) throws SQLException {
        List<OffsetRange> ranges = batch.ranges();
        for (int i = 0; i < ranges.size(); i++) {
            table.advance(batch.group(), ranges.get(i), applied.get(i), firstFailure(ranges.get(i), failures));
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
