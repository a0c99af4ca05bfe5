import io.github.kafkasidecar.Header;
import io.github.kafkasidecar.Record;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** Records as Spark's own Kafka source has them, so that a job which read from it need not change. */
final class KafkaRows {
    private static final int CREATE_TIME = 0;
    private static final int NO_TIMESTAMP = -1;

    /** The columns of {@code spark.readStream().format("kafka")} with {@code includeHeaders}. */
    static final StructType SCHEMA = StructType.fromDDL("key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, "
            + "timestamp TIMESTAMP, timestampType INT, headers ARRAY<STRUCT<key: STRING, value: BINARY>>");

    private KafkaRows() {}

    static Dataset<Row> of(SparkSession spark, Iterable<Record> records) {
        List<Row> rows = new ArrayList<>();
        records.forEach(record -> rows.add(row(record)));
        return spark.createDataFrame(rows, SCHEMA);
    }

    private static Row row(Record record) {
        Instant timestamp = record.timestamp();
        return RowFactory.create(
                record.key(), record.value(), record.topic(), record.partition(), record.offset(),
                timestamp == null ? null : Timestamp.from(timestamp), timestamp == null ? NO_TIMESTAMP : CREATE_TIME,
                headers(record.headers()));
    }

    /** Null if there are none, as Spark has it. */
    private static Row[] headers(List<Header> headers) {
        return headers.isEmpty()
                ? null
                : headers.stream().map(header -> RowFactory.create(header.name(), header.value())).toArray(Row[]::new);
    }
}
