package io.github.kafkasidecar;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Savepoint;
import java.time.Duration;

/** Handles each record of one transaction within a savepoint, for {@link JdbcOffsetGuard#each}. One use, one thread. */
final class SavepointHandler implements RecordHandler {
    private final Connection connection;
    private final JdbcOffsetGuard.RecordWriter writer;
    private Record rejected; // the last one, null for none
    private SQLException broken; // why the transaction must not be committed

    SavepointHandler(Connection connection, JdbcOffsetGuard.RecordWriter writer) {
        this.connection = connection;
        this.writer = writer;
    }

    @Override
    public void handle(Record record) throws Exception {
        if (broken != null) {
            throw new Retry("the transaction failed before");
        }
        // What follows a rejected record has to wait for what becomes of it: a policy that keeps the record sends it
        // again, and the table, which has one offset, can't say "all but this one".
        if (rejected != null && rejected.partition() == record.partition() && rejected.topic().equals(record.topic())) {
            throw new Retry("comes after the rejected record " + rejected, Duration.ofMillis(1));
        }
        Savepoint before = savepoint();
        try {
            writer.write(connection, record);
            release(before);
        } catch (Throwable failure) {
            rollBack(before, failure);
            if (failure instanceof Reject) {
                rejected = record;
            }
            throw failure;
        }
    }

    /** Throws if the transaction must not be committed. */
    void requireIntact() throws SQLException {
        if (broken != null) {
            throw broken;
        }
    }

    private Savepoint savepoint() throws SQLException {
        try {
            return connection.setSavepoint();
        } catch (SQLException e) {
            broken = e;
            throw e;
        }
    }

    private void release(Savepoint before) throws SQLException {
        try {
            connection.releaseSavepoint(before);
        } catch (SQLFeatureNotSupportedException e) {
            // Some drivers can't: then it lasts until the transaction ends.
        }
    }

    private void rollBack(Savepoint before, Throwable failure) {
        try {
            connection.rollback(before);
        } catch (SQLException e) {
            broken = e;
            failure.addSuppressed(e);
        }
    }
}
