package io.github.kafkasidecar;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.logging.Level;

/**
 * Exactly once into a database: in the application's own transaction, passes by the records that an earlier transaction
 * has applied, refuses an owner of the past, and notes how far the partition is applied.
 *
 * <p>The table has a row per group, topic and partition with {@code until_offset}, below which every record is applied,
 * and the highest {@code fence} seen. A transaction locks the rows of its batch first, so two transactions on one
 * partition run one after the other.
 *
 * <pre>{@code
 * JdbcOffsetGuard guard = new JdbcOffsetGuard();
 * try (Connection connection = dataSource.getConnection()) {
 *     guard.createTable(connection);
 * }
 * Handler handler = guard.each(dataSource::getConnection, (connection, record) -> save(connection, record));
 * }</pre>
 *
 * <p>Any isolation level from {@code READ COMMITTED} on will do. The comparison of group and topic has to tell upper from
 * lower case. Tested with PostgreSQL and H2.
 *
 * <p><b>Delete the rows</b> of a partition before its records are to be applied again: after the group was set back, and
 * after the topic was deleted and created anew. Otherwise they are passed by as applied.
 *
 * <p>Immutable and thread-safe; connections are used by the calling thread only.
 */
public final class JdbcOffsetGuard {
    /** The table's name unless another is given. */
    public static final String DEFAULT_TABLE = "kafka_sidecar_offsets";

    private final String table;

    /** A guard with the table {@link #DEFAULT_TABLE}. */
    public JdbcOffsetGuard() {
        this(DEFAULT_TABLE);
    }

    /**
     * A guard with a table of another name.
     *
     * @param table letters, digits and underscores, with its schema before a dot if need be
     * @throws IllegalArgumentException if it is something else
     */
    public JdbcOffsetGuard(String table) {
        if (!table.matches("\\w+(\\.\\w+)*")) {
            throw new IllegalArgumentException("table is \"" + table
                    + "\"; it must be a name of letters, digits and underscores, with or without a schema");
        }
        this.table = table;
    }

    /** Opens a connection, for {@link #each}. */
    @FunctionalInterface
    public interface ConnectionSource {
        /**
         * Opens a connection or borrows one from a pool. Closing it ends the use.
         *
         * @return never null
         * @throws SQLException if the database can't be reached: the batch comes again, and no attempt is counted
         */
        Connection open() throws SQLException;
    }

    /** Writes what one record means, for {@link #each}. */
    @FunctionalInterface
    public interface RecordWriter {
        /**
         * Writes with the transaction's connection. It must not commit, roll back, close it or change its autocommit.
         *
         * @param connection of the batch's transaction
         * @param record not yet applied
         * @throws Reject if the record can never be handled
         * @throws Retry if it is to come again
         * @throws Busy if the application can't work now
         * @throws Exception anything else is logged, and the record comes again
         */
        void write(Connection connection, Record record) throws Exception;
    }

    /**
     * Creates the table unless it is there, and commits. Several processes may do so at once. Where {@code CREATE TABLE IF NOT
     * EXISTS} is not known, create it yourself: {@code "group"} and {@code topic} of text, {@code "partition"},
     * {@code until_offset} and {@code fence} of whole numbers (the last two of 64 bits), the first three as primary key.
     *
     * @param connection outside of a transaction; not closed
     * @throws SQLException as the database says, for example without the right to create a table
     */
    public void createTable(Connection connection) throws SQLException {
        new OffsetTable(connection, table).create();
    }

    /**
     * A handler that writes each record that is not yet applied, a transaction per batch.
     *
     * <p>As {@link Handlers#each}, and what a record has written before it failed is undone: it runs within a savepoint.
     * A partition is marked as applied up to its first record that failed, so after a {@link Reject} the rest of the
     * partition comes in the next batch. One commit; if it fails, nothing is acknowledged and the batch comes again.
     *
     * @param connections for example {@code dataSource::getConnection}; autocommit is switched off for the transaction
     * @param writer called by several threads at once, each with a connection of its own, if the sidecar has several
     *     requests in flight
     * @return a handler that names the records that failed
     */
    public Handler each(ConnectionSource connections, RecordWriter writer) {
        Objects.requireNonNull(connections, "connections");
        Objects.requireNonNull(writer, "writer");
        return Handlers.partial(batch -> {
            try (Connection connection = open(connections)) {
                return inTransaction(connection, batch, writer);
            }
        });
    }

    /** A database that is away is no fault of the records: Busy, which is not counted against them. */
    private static Connection open(ConnectionSource connections) {
        try {
            return connections.open();
        } catch (SQLException e) {
            Log.LOG.log(Level.WARNING, "the database can't be reached; the batch comes again", e);
            throw new Busy("the database can't be reached");
        }
    }

    private List<Failure> inTransaction(Connection connection, Batch batch, RecordWriter writer) throws Exception {
        boolean autoCommit = connection.getAutoCommit();
        connection.setAutoCommit(false);
        List<Failure> failures;
        try {
            failures = write(connection, batch, writer);
            connection.commit();
        } catch (Throwable failure) {
            try {
                connection.rollback();
                connection.setAutoCommit(autoCommit); // not before the rollback: it would commit
            } catch (SQLException e) {
                failure.addSuppressed(e);
            }
            throw failure;
        }
        connection.setAutoCommit(autoCommit);
        return failures;
    }

    private List<Failure> write(Connection connection, Batch batch, RecordWriter writer) throws Exception {
        GuardedBatch guarded = GuardedBatch.claim(connection, table, batch);
        SavepointHandler handler = new SavepointHandler(connection, writer);
        List<Failure> failures = RecordLoop.run(guarded.unapplied(), handler);
        handler.requireIntact();
        guarded.advance(failures);
        return failures;
    }

    /**
     * The records of a batch that are not yet applied, in body order, for a transaction of the caller's:
     *
     * <pre>{@code
     * connection.setAutoCommit(false);
     * for (Record record : guard.records(connection, batch)) {
     *     save(connection, record);
     * }
     * connection.commit();
     * }</pre>
     *
     * <p>Call it first in the transaction. The rows are locked and checked at once. The batch is marked as applied when
     * the iterator has said that there is no further record. A loop that is left earlier marks nothing, so roll back then.
     *
     * <p>To reject or retry single records use {@link #each}, or throw {@link Reject} or {@link Retry} for the batch and roll
     * back. Do not commit and name records as failed: they would be marked as applied.
     *
     * @param connection autocommit off; neither committed nor closed
     * @param batch the batch to apply
     * @return to be iterated once; if marking fails the iterator throws {@link UncheckedSqlException}, or {@link Busy} if
     *     another transaction has moved the row; roll back
     * @throws StaleFence if a newer owner of a partition has written to the database; roll back
     * @throws Busy if another transaction inserted the row of a partition at the same moment; roll back
     * @throws IllegalStateException if the connection is in autocommit mode, or if the result is iterated twice
     * @throws SQLException as the database says; roll back
     */
    public Iterable<Record> records(Connection connection, Batch batch) throws SQLException {
        if (connection.getAutoCommit()) {
            throw new IllegalStateException("the connection is in autocommit mode, so records and offsets would not be committed"
                    + " together: call setAutoCommit(false) before records()");
        }
        return new UnappliedRecords(GuardedBatch.claim(connection, table, batch));
    }

    /** A {@link SQLException} while iterating, its cause. */
    public static final class UncheckedSqlException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UncheckedSqlException(SQLException cause) {
            super(cause.getMessage(), cause);
        }

        @Override
        public synchronized SQLException getCause() {
            return (SQLException) super.getCause();
        }
    }
}
