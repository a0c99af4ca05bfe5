package io.github.kafkasidecar;

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Assertions;

/** A database of one test's own, with a table of the records that an application has written. */
final class GuardDatabase implements AutoCloseable {
    /** How far a partition is applied, as the guard's table has it. */
    record Row(long untilOffset, long fence) {}

    private final String url;
    private final String cleanUp;

    private GuardDatabase(String url, String cleanUp) throws SQLException {
        this.url = url;
        this.cleanUp = cleanUp;
        execute("CREATE TABLE written (record VARCHAR(300) NOT NULL)");
    }

    static GuardDatabase h2() throws SQLException {
        return new GuardDatabase("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1", "SHUTDOWN");
    }

    /** A schema in the server that SIDECAR_TEST_POSTGRES names. */
    static GuardDatabase postgres() throws SQLException {
        String server = System.getenv("SIDECAR_TEST_POSTGRES");
        if (server == null || server.isEmpty()) {
            return Assertions.fail("no PostgreSQL: SIDECAR_TEST_POSTGRES is not set; run: make java");
        }
        URI uri = URI.create(server); // postgres://user@host:port/database
        String url = "jdbc:postgresql://" + uri.getHost() + ":" + uri.getPort() + uri.getPath() + "?user=" + uri.getUserInfo();
        String schema = "guard_" + UUID.randomUUID().toString().replace('-', '_');
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA " + schema);
        }
        return new GuardDatabase(url + "&currentSchema=" + schema, "DROP SCHEMA " + schema + " CASCADE");
    }

    /** Opens a connection in autocommit mode. */
    Connection open() throws SQLException {
        return DriverManager.getConnection(url);
    }

    /** Opens a connection for a transaction. */
    Connection begin() throws SQLException {
        Connection connection = open();
        connection.setAutoCommit(false);
        return connection;
    }

    /** What an application does with a record. */
    static void write(Connection connection, Record record) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO written VALUES (?)")) {
            insert.setString(1, record.toString());
            insert.executeUpdate();
        }
    }

    /** The records that committed transactions have written, sorted; twice if it took effect twice. */
    List<String> written() throws SQLException {
        return query("SELECT record FROM written", rows -> rows.getString(1)).stream().sorted().toList();
    }

    /** The guard's row, or null. */
    Row row(String group, String topic, int partition) throws SQLException {
        String where = String.format("\"group\" = '%s' AND topic = '%s' AND \"partition\" = %d", group, topic, partition);
        List<Row> rows = query("SELECT until_offset, fence FROM " + JdbcOffsetGuard.DEFAULT_TABLE + " WHERE " + where,
                found -> new Row(found.getLong(1), found.getLong(2)));
        return rows.isEmpty() ? null : rows.get(0);
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = open();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Turns the current row of a result into a value. */
    interface Mapper<T> {
        T map(ResultSet row) throws SQLException;
    }

    <T> List<T> query(String sql, Mapper<T> mapper) throws SQLException {
        try (Connection connection = open();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<T> found = new ArrayList<>();
            while (rows.next()) {
                found.add(mapper.map(rows));
            }
            return found;
        }
    }

    @Override
    public void close() throws SQLException {
        execute(cleanUp);
    }
}
