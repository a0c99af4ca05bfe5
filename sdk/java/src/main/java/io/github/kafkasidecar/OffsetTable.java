package io.github.kafkasidecar;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** The statements of {@link JdbcOffsetGuard} on one connection. Only {@link #create} commits. */
final class OffsetTable {
    private final Connection connection;
    private final String table;
    private final String groupColumn;
    private final String partitionColumn;
    private final String whereRow;

    /** Asks the connection how to quote: two columns are named like reserved words. */
    OffsetTable(Connection connection, String table) throws SQLException {
        this.connection = connection;
        this.table = table;
        String quote = connection.getMetaData().getIdentifierQuoteString();
        this.groupColumn = quote + "group" + quote;
        this.partitionColumn = quote + "partition" + quote;
        this.whereRow = " WHERE " + groupColumn + " = ? AND topic = ? AND " + partitionColumn + " = ?";
    }

    /** Creates the table unless it is there, and commits. */
    void create() throws SQLException {
        boolean transaction = !connection.getAutoCommit();
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS " + table + " ("
                    + groupColumn + " VARCHAR(255) NOT NULL, "
                    + "topic VARCHAR(249) NOT NULL, " // as long as Kafka lets it be
                    + partitionColumn + " INTEGER NOT NULL, "
                    + "until_offset BIGINT NOT NULL, "
                    + "fence BIGINT NOT NULL, "
                    + "PRIMARY KEY (" + groupColumn + ", topic, " + partitionColumn + "))");
            if (transaction) {
                connection.commit();
            }
        } catch (SQLException e) {
            if (transaction) {
                connection.rollback();
            }
            if (!exists()) { // PostgreSQL fails when another process creates it at the same moment
                throw e;
            }
        }
    }

    private boolean exists() {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT until_offset FROM " + table + " WHERE 1 = 0").close();
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    /**
     * Locks the row of a range until the transaction ends, and inserts it if there is none.
     *
     * @return the offset below which every record is applied
     * @throws StaleFence if a higher fence is stored
     * @throws Busy if another transaction inserts the row at the same moment
     */
    long claim(String group, OffsetRange range) throws SQLException {
        // An update locks the row in every database; SELECT … FOR UPDATE is not known to all.
        int claimed = update(
                "UPDATE " + table + " SET fence = ?" + whereRow + " AND fence <= ?",
                range.fence(), group, range.topic(), range.partition(), range.fence());
        if (claimed == 0) {
            refuseStored(group, range);
            insert(group, range);
        }
        return select("until_offset", group, range);
    }

    /** Throws if there is a row after all: with a higher fence, or inserted since the update. */
    private void refuseStored(String group, OffsetRange range) throws SQLException {
        Long fence = select("fence", group, range);
        if (fence == null) {
            return;
        }
        if (fence <= range.fence()) {
            throw writtenMeanwhile(range);
        }
        throw new StaleFence(range.topic() + "/" + range.partition() + " has a newer owner: " + table + " has the fence " + fence
                + ", this batch " + range.fence());
    }

    private void insert(String group, OffsetRange range) throws SQLException {
        try {
            update(
                    "INSERT INTO " + table + " (" + groupColumn + ", topic, " + partitionColumn
                            + ", until_offset, fence) VALUES (?, ?, ?, ?, ?)",
                    group, range.topic(), range.partition(), range.fromOffset(), range.fence());
        } catch (SQLException e) {
            if (isConstraintViolation(e)) {
                throw writtenMeanwhile(range);
            }
            throw e;
        }
    }

    private static boolean isConstraintViolation(SQLException e) {
        return e.getSQLState() != null && e.getSQLState().startsWith("23");
    }

    /** Nothing is wrong with the batch: when it comes again, the row is as it should be. */
    private Busy writtenMeanwhile(OffsetRange range) {
        return new Busy("another transaction has just written the row of " + range.topic() + "/" + range.partition() + " in " + table);
    }

    /**
     * Marks the records of a claimed range as applied up to an offset, which never goes back.
     *
     * @param applied what {@link #claim} returned
     * @throws Busy if the row does not stand there any more: it was read from a snapshot older than the lock, as MySQL does
     */
    void advance(String group, OffsetRange range, long applied, long until) throws SQLException {
        if (until <= applied) {
            return;
        }
        int advanced = update(
                "UPDATE " + table + " SET until_offset = ?" + whereRow + " AND until_offset = ?",
                until, group, range.topic(), range.partition(), applied);
        if (advanced == 0) {
            throw writtenMeanwhile(range);
        }
    }

    /** Returns null if there is no row. */
    private Long select(String column, String group, OffsetRange range) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT " + column + " FROM " + table + whereRow)) {
            bind(statement, group, range.topic(), range.partition());
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getLong(1) : null;
            }
        }
    }

    private int update(String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            bind(statement, parameters);
            return statement.executeUpdate();
        }
    }

    private static void bind(PreparedStatement statement, Object... parameters) throws SQLException {
        for (int i = 0; i < parameters.length; i++) {
            statement.setObject(i + 1, parameters[i]);
        }
    }
}
