package io.github.kafkasidecar;

import java.sql.SQLException;
import java.util.Iterator;

/** The records of a batch, once, and then the mark that they are applied: see {@link JdbcOffsetGuard#records}. */
final class UnappliedRecords implements Iterable<Record>, Iterator<Record> {
    private final GuardedBatch guarded;
    private final Iterator<Record> records;
    private boolean iterated;
    private boolean advanced;

    UnappliedRecords(GuardedBatch guarded) {
        this.guarded = guarded;
        this.records = guarded.unapplied().iterator();
    }

    @Override
    public Iterator<Record> iterator() {
        if (iterated) {
            throw new IllegalStateException("the records of a transaction can be iterated only once");
        }
        iterated = true;
        return this;
    }

    @Override
    public boolean hasNext() {
        boolean more = records.hasNext();
        if (!more && !advanced) {
            advance();
        }
        return more;
    }

    @Override
    public Record next() {
        return records.next();
    }

    private void advance() {
        try {
            guarded.advance();
        } catch (SQLException e) {
            throw new JdbcOffsetGuard.UncheckedSqlException(e);
        }
        advanced = true;
    }
}
