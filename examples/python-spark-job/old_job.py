"""The word count as a job of Structured Streaming, as it was before the sidecar."""

import os

from pyspark.sql import DataFrame, SparkSession

from words import add_counts, transaction

spark = SparkSession.builder.appName("words").config("spark.sql.shuffle.partitions", "2").getOrCreate()


def foreach_batch(df: DataFrame, batch_id: int) -> None:
    with transaction() as database:
        database.execute("CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY)")
        (last,) = database.execute("SELECT COALESCE(MAX(id), -1) FROM batches").fetchone()
        if batch_id <= last:
            return  # after a crash Spark repeats the batch that its checkpoint does not have yet
        add_counts(df, database)
        database.execute("INSERT INTO batches VALUES (?)", (batch_id,))


records = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", os.environ.get("BROKERS", "localhost:9092"))
    .option("subscribe", os.environ.get("TOPIC", "orders"))
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", os.environ.get("MAX_OFFSETS", "10000"))
    .load()
)
checkpoint = os.environ.get("CHECKPOINT", "checkpoint")
query = records.writeStream.foreachBatch(foreach_batch).option("checkpointLocation", checkpoint).start()
query.awaitTermination()
