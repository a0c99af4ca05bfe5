"""Batches as DataFrames, for jobs that come from Structured Streaming's foreachBatch.

    handle = foreach_batch(spark, fn)                # calls fn(df, batch_id), as writeStream.foreachBatch(fn) did
    serve(handle, port=8080)

Only the app needs pyspark. Any version with a SparkSession will do; the session belongs to the app.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Callable

from ._model import Batch, Headers, Record

if TYPE_CHECKING:
    # pyspark is not among what the package is checked with.
    from pyspark.sql import DataFrame, SparkSession  # type: ignore[import-not-found, unused-ignore]
    from pyspark.sql.types import StructType  # type: ignore[import-not-found, unused-ignore]

__all__ = ["batch_id", "dataframe", "foreach_batch", "schema"]


def foreach_batch(spark: SparkSession, fn: Callable[[DataFrame, int], object]) -> Callable[[Batch], None]:
    """Make a handler that calls fn(df, batch_id) with each batch; see `dataframe` and `batch_id`.

    What fn returns is ignored, as Spark does. When it returns the batch is acknowledged, so it must have finished its writes: a
    DataFrame that is only declared has written nothing. An exception is a failed attempt: the batch comes again, in
    parts if it keeps failing. fn is called in several threads when `deliver.lanes` is above 1, never for one partition.
    ImportError without pyspark.
    """
    schema()  # a missing pyspark shows now, not with the first batch

    def handle(batch: Batch) -> None:
        fn(dataframe(spark, batch.records), batch_id(batch))

    return handle


def batch_id(batch: Batch) -> int:
    """A number from 0 to 2**63 - 1 for the batch: the same batch, delivered again, has the same number.

    It does not count up as Spark's does, so it can't tell whether a batch is newer than another; and after a restart the same
    records may come in other batches. What was done by `batch_id <= last` is done by `kafka_sidecar.sql.OffsetGuard`.
    """
    return int(batch.id[:16], 16) & 0x7FFF_FFFF_FFFF_FFFF


def dataframe(spark: SparkSession, records: Iterable[Record]) -> DataFrame:
    """A DataFrame of the records with the columns of Spark's Kafka source; see `schema`. It may be used as often as you like.

    timestamp is null for a record without one (Spark shows 1 ms before the epoch), and timestampType is -1 then. It is 0
    (CreateTime) for all others, for the protocol does not say which of the two kinds it is. headers is null for a
    record without headers. ImportError without pyspark; OverflowError for a timestamp beyond the year 9999.
    """
    # Rows that are made here fit their schema: to verify each field takes longer than to make it.
    return spark.createDataFrame([_row(record) for record in records], schema(), verifySchema=False)


def schema() -> StructType:
    """The columns of Spark's Kafka source with includeHeaders=true. ImportError without pyspark."""
    try:
        from pyspark.sql import types as t
    except ImportError as error:
        raise ImportError("kafka_sidecar.spark needs pyspark: install the version of your Spark") from error
    header = t.StructType().add("key", t.StringType()).add("value", t.BinaryType())
    return (
        t.StructType()
        .add("key", t.BinaryType())
        .add("value", t.BinaryType())
        .add("topic", t.StringType())
        .add("partition", t.IntegerType())
        .add("offset", t.LongType())
        .add("timestamp", t.TimestampType())
        .add("timestampType", t.IntegerType())
        .add("headers", t.ArrayType(header))
    )


def _row(record: Record) -> tuple[Any, ...]:
    return (
        record.key,
        record.value,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        -1 if record.timestamp is None else 0,
        _headers(record.headers),
    )


def _headers(headers: Headers) -> Headers | None:
    # Java's strings have no place for bytes that are not UTF-8; Kafka's own client replaces them as well.
    return [
        (name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), value) for name, value in headers
    ] or None
