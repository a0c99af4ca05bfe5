import io.github.kafkasidecar.Batch;
import io.github.kafkasidecar.JdbcOffsetGuard;
import io.github.kafkasidecar.Server;
import io.github.kafkasidecar.Sidecar;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Counts the words of all records with Spark, in a database, each record exactly once.
 *
 * <pre>
 * java @spark.args WordCount           receive records
 * java @spark.args WordCount totals    show the counts
 * </pre>
 */
public final class WordCount {
    private static final String DATABASE = env("DATABASE", "words.db");

    /** Hooks of a higher priority run first; Spark's has 40. */
    private static final int BEFORE_SPARK = 100;

    /** Keeps the offsets in the same database, written in the same transaction. */
    private static final JdbcOffsetGuard GUARD = new JdbcOffsetGuard();

    public static void main(String[] args) throws SQLException {
        createTables();
        if (args.length == 1 && args[0].equals("totals")) {
            printTotals();
            return;
        }
        SparkSession spark = SparkSession.builder()
                .appName("word-count")
                .master("local[*]")
                .config("spark.ui.enabled", false)
                .config("spark.sql.shuffle.partitions", 4) // batches are small
                .getOrCreate();
        Server server = Sidecar.handle(batch -> handle(spark, batch)).serve(Integer.parseInt(env("PORT", "8080")));
        // On SIGTERM Spark stops by itself, at once: the batch in progress has to end before.
        ShutdownHookManager.get().addShutdownHook(server::close, BEFORE_SPARK);
    }

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    /** One batch, one transaction: the counts and the offsets, or nothing. Returning acknowledges the batch. */
    private static void handle(SparkSession spark, Batch batch) throws SQLException {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            Dataset<Row> records = KafkaRows.of(spark, GUARD.records(connection, batch));
            addCounts(records, connection);
            connection.commit();
        } // SQLite rolls back what is not committed when the connection is closed
        System.out.println(batch);
    }

    /** What the function given to {@code foreachBatch} was. */
    static void addCounts(Dataset<Row> records, Connection connection) throws SQLException {
        List<Row> counts = records
                .selectExpr("explode(split(cast(value AS STRING), '\\\\s+')) AS word")
                .where("word <> ''")
                .groupBy("word")
                .count()
                .collectAsList();
        String upsert = "INSERT INTO words VALUES (?, ?) ON CONFLICT (word) DO UPDATE SET n = n + excluded.n";
        try (PreparedStatement statement = connection.prepareStatement(upsert)) {
            for (Row count : counts) {
                statement.setString(1, count.getString(0));
                statement.setLong(2, count.getLong(1));
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    static Connection connect() throws SQLException {
        return DriverManager.getConnection("jdbc:sqlite:" + DATABASE);
    }

    static void createTables() throws SQLException {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, n INTEGER)");
            GUARD.createTable(connection);
        }
    }

    /** As JSON: {@code {"word": count}}. */
    private static void printTotals() throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet totals = statement.executeQuery("SELECT json_group_object(word, n) FROM (SELECT * FROM words ORDER BY word)")) {
            totals.next();
            // JSON is UTF-8, whatever the terminal's locale.
            new PrintStream(System.out, true, StandardCharsets.UTF_8).println(totals.getString(1));
        }
    }
}
