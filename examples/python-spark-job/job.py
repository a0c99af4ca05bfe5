"""The same word count behind the sidecar: each record is counted exactly once, also after a crash."""

import logging
import os

from kafka_sidecar import Batch, serve
from kafka_sidecar.spark import dataframe
from kafka_sidecar.sql import OffsetGuard
from pyspark.sql import SparkSession

from words import add_counts, transaction

spark = SparkSession.builder.appName("words").config("spark.sql.shuffle.partitions", "2").getOrCreate()
guard = OffsetGuard()


def foreach_batch(batch: Batch) -> None:
    with transaction() as database:
        df = dataframe(spark, guard.records(database, batch))  # only what is not counted yet
        add_counts(df, database)


logging.basicConfig(level=logging.INFO)
with transaction() as database:
    guard.create_table(database)
serve(foreach_batch, port=int(os.environ.get("PORT", "8080")))
spark.stop()
