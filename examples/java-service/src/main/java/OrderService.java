import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.kafkasidecar.Header;
import io.github.kafkasidecar.JdbcOffsetGuard;
import io.github.kafkasidecar.Record;
import io.github.kafkasidecar.Reject;
import io.github.kafkasidecar.Sidecar;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A service that keeps customers' orders in a database, and writes each record of Kafka exactly once.
 *
 * <pre>
 * java -jar target/orders.jar           receive records
 * java -jar target/orders.jar totals    show the totals
 * </pre>
 */
public final class OrderService {
    private static final String DATABASE = env("DATABASE", "orders.db");
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** Keeps the offsets in the same database, written in the same transaction. */
    private static final JdbcOffsetGuard GUARD = new JdbcOffsetGuard();

    public static void main(String[] args) throws Exception {
        createTables();
        if (args.length == 1 && args[0].equals("totals")) {
            utf8().println(totals().toPrettyString());
            return;
        }
        Sidecar.handle(GUARD.each(OrderService::connect, OrderService::store)).serve(Integer.parseInt(env("PORT", "8080")));
    }

    /** JSON is UTF-8, whatever the terminal's locale. */
    private static PrintStream utf8() {
        return new PrintStream(System.out, true, StandardCharsets.UTF_8);
    }

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection("jdbc:sqlite:" + DATABASE);
    }

    private static void createTables() throws SQLException {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS orders (id BLOB PRIMARY KEY, customer TEXT, cents INTEGER, tags TEXT)");
            GUARD.createTable(connection);
        }
    }

    /** Stores, changes or deletes one order. Returning acknowledges the record, Reject says that it will never be an order. */
    private static void store(Connection connection, Record record) throws SQLException {
        if (record.key() == null) {
            throw new Reject("the record has no key, so it is not known which order it is");
        }
        if (record.value() == null) { // a tombstone: the order is cancelled
            update(connection, "DELETE FROM orders WHERE id = ?", record.key());
            return;
        }
        JsonNode order = parse(record);
        String customer = order.get("customer").textValue();
        long cents = order.get("cents").longValue();
        update(connection, "REPLACE INTO orders VALUES (?, ?, ?, ?)", record.key(), customer, cents, tags(record).toString());
    }

    private static JsonNode parse(Record record) {
        JsonNode order;
        try {
            order = JSON.readTree(record.value());
        } catch (IOException e) {
            throw new Reject("the value is not JSON in UTF-8", e);
        }
        if (!order.path("customer").isTextual()
                || order.path("customer").textValue().isEmpty()
                || !order.path("cents").isIntegralNumber()
                || !order.path("cents").canConvertToLong()) {
            throw new Reject("the value is not {\"customer\": text, \"cents\": whole number}");
        }
        return order;
    }

    private static ArrayNode tags(Record record) {
        ArrayNode tags = JSON.createArrayNode();
        for (Header header : record.headers()) {
            if (header.name().equals("tag") && header.value() != null) {
                tags.add(header.text());
            }
        }
        return tags;
    }

    private static void update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.executeUpdate();
        }
    }

    private static ObjectNode totals() throws SQLException, IOException {
        ObjectNode totals = JSON.createObjectNode();
        ObjectNode customers = totals.putObject("customers");
        ObjectNode tags = totals.putObject("tags");
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet orders = statement.executeQuery("SELECT customer, cents, tags FROM orders")) {
            while (orders.next()) {
                add(customers, orders.getString("customer"), orders.getLong("cents"));
                for (JsonNode tag : JSON.readTree(orders.getString("tags"))) {
                    add(tags, tag.textValue(), 1);
                }
            }
        }
        return totals;
    }

    private static void add(ObjectNode sums, String name, long number) {
        sums.put(name, sums.path(name).longValue() + number);
    }
}
