import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** The word count as a job of Structured Streaming, as it was before the sidecar. */
public final class OldStructuredJob {
    public static void main(String[] args) throws Exception {
        WordCount.createTables();
        SparkSession spark = SparkSession.builder().appName("word-count").master("local[*]").getOrCreate();
        spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", "localhost:9092")
                .option("subscribe", "orders")
                .option("startingOffsets", "earliest")
                .option("maxOffsetsPerTrigger", 10000)
                .load()
                .writeStream()
                .option("checkpointLocation", "checkpoint")
                .foreachBatch((VoidFunction2<Dataset<Row>, Long>) OldStructuredJob::handle)
                .start()
                .awaitTermination();
    }

    private static void handle(Dataset<Row> records, Long batchId) throws SQLException {
        try (Connection connection = WordCount.connect()) {
            connection.setAutoCommit(false);
            if (isNew(connection, batchId)) { // Spark repeats a batch that is not in the checkpoint yet
                WordCount.addCounts(records, connection);
            }
            connection.commit();
        }
    }

    private static boolean isNew(Connection connection, long batchId) throws SQLException {
        try (Statement create = connection.createStatement();
                PreparedStatement insert = connection.prepareStatement("INSERT OR IGNORE INTO batches VALUES (?)")) {
            create.execute("CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY)");
            insert.setLong(1, batchId);
            return insert.executeUpdate() == 1;
        }
    }
}
