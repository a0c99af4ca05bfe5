"""A query of Structured Streaming that never gets done with the batch HOLD: it is killed there.

Each batch appends a line to LOG: its number, and of each partition its first and last offset.
"""

import json
import os
import time

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.appName("held").config("spark.sql.shuffle.partitions", "1").getOrCreate()
hold = int(os.environ["HOLD"])


def foreach_batch(df: DataFrame, batch_id: int) -> None:
    rows = df.groupBy("partition").agg(f.min("offset"), f.max("offset")).collect()
    with open(os.environ["LOG"], "a") as log:
        log.write(json.dumps({"batch": batch_id, "ranges": {str(p): [first, last] for p, first, last in rows}}) + "\n")
    while batch_id == hold:
        time.sleep(1)


records = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", os.environ["BROKERS"])
    .option("subscribe", os.environ["TOPIC"])
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", os.environ["MAX_OFFSETS"])
    .load()
)
query = records.writeStream.foreachBatch(foreach_batch).option("checkpointLocation", os.environ["CHECKPOINT"]).start()
query.awaitTermination()
