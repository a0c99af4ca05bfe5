"""foreach_batch with a real Spark on this machine. Needs pyspark (requirements-spark.txt) and Java."""

# ruff: noqa: S101, S608 - as in the other tests

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from kafka_sidecar import Batch, Server
from kafka_sidecar.spark import batch_id, dataframe, foreach_batch
from kafka_sidecar.testing import batch, deliver, encode, record

# Spark's client leaves closing its sockets to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


def kafka_jars() -> str:
    folder = os.environ.get("SIDECAR_TEST_SPARK_KAFKA")
    if not folder:
        pytest.fail("SIDECAR_TEST_SPARK_KAFKA is not set to the folder of the jars of tools/spark: run 'make python'")
    return ",".join(str(jar) for jar in Path(folder).glob("*.jar"))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[2]").config("spark.jars", kafka_jars())
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    # A zone that is neither UTC nor that of this machine: no conversion may depend on it.
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "Asia/Kathmandu")
    session = builder.getOrCreate()
    yield session
    session.stop()


def rows(spark: SparkSession, batch: Batch, *columns: str) -> list[Row]:
    """What fn sees of the batch, as SQL expressions."""
    seen: list[Row] = []
    foreach_batch(spark, lambda df, _: seen.extend(df.selectExpr(*columns).collect()))(batch)
    return seen


def test_the_columns_are_those_of_the_kafka_source(spark: SparkSession) -> None:
    source = spark.read.format("kafka").option("kafka.bootstrap.servers", "localhost:1").option("subscribe", "orders")
    expected = source.option("includeHeaders", "true").load().schema  # known without a broker
    seen = []
    foreach_batch(spark, lambda df, _: seen.append(df.schema))(batch([record()]))
    assert seen == [expected]


def test_keys_and_values_are_bytes_or_null(spark: SparkSession) -> None:
    given = [record(b"\xff\x00", key=b"\xfe"), record("ö", key=""), record("", key=None), record(None, key="k")]
    assert rows(spark, batch(given), "key", "value") == [
        (b"\xfe", b"\xff\x00"),
        (b"", "ö".encode()),
        (None, b""),
        (b"k", None),
    ]


def test_headers_keep_order_repeats_and_nulls(spark: SparkSession) -> None:
    named = [("a", b"1"), ("b", b"\xff"), ("a", None), ("", b"")]
    (some, none) = rows(spark, batch([record(headers=named), record()]), "headers")
    assert [tuple(header) for header in some.headers] == named
    assert none.headers is None


def test_a_header_name_that_is_no_text_is_made_one(spark: SparkSession) -> None:
    name = b"a\xff".decode("utf-8", "surrogateescape")
    assert rows(spark, batch([record(headers=[(name, b"1")])]), "headers[0].key") == [("a\ufffd",)]


def test_a_timestamp_is_the_same_instant_in_every_zone(spark: SparkSession) -> None:
    at = datetime(2024, 3, 31, 1, 30, 0, 123000, tzinfo=timezone.utc)  # an hour that some zones skip
    given = batch([record(timestamp=at), record(timestamp=0)])
    assert rows(spark, given, "unix_millis(timestamp)", "timestampType") == [(1711848600123, 0), (0, 0)]
    (shown, _) = rows(spark, given, "date_format(timestamp, 'yyyy-MM-dd HH:mm:ss.SSS')")
    assert shown == ("2024-03-31 07:15:00.123",)


def test_no_timestamp_is_null(spark: SparkSession) -> None:
    assert rows(spark, batch([record()]), "timestamp", "timestampType") == [(None, -1)]


def test_a_batch_of_several_topics_and_partitions(spark: SparkSession) -> None:
    places = [("orders", 0, 7), ("orders", 3, 5), ("orders", 3, 9), ("payments", 0, 2**40)]
    given = batch([record(topic=topic, partition=partition, offset=offset) for topic, partition, offset in places])
    assert rows(spark, given, "topic", "partition", "offset") == places


def test_fn_is_given_the_id_and_its_result_is_ignored(spark: SparkSession) -> None:
    def fn(_: DataFrame, number: int) -> str:
        seen.append(number)
        return "ignored"

    given = batch([record()])
    seen: list[int] = []
    assert deliver(foreach_batch(spark, fn), given).kind == "acked"
    assert seen == [batch_id(given)]


def test_a_dataframe_can_be_used_twice(spark: SparkSession) -> None:
    df = dataframe(spark, iter(batch([record(), record()]).records))
    assert (df.count(), df.count()) == (2, 2)


def test_no_records_make_an_empty_dataframe(spark: SparkSession) -> None:
    assert dataframe(spark, []).count() == 0


def test_returning_acknowledges(spark: SparkSession) -> None:
    assert deliver(foreach_batch(spark, lambda df, _: df.count()), batch([record()])).kind == "acked"


def test_an_error_of_fn_is_a_failed_attempt(spark: SparkSession) -> None:
    def fn(df: DataFrame, _: int) -> None:
        df.selectExpr("raise_error('away')").collect()

    answer = deliver(foreach_batch(spark, fn), batch([record()]))
    assert (answer.kind, answer.status) == ("failed", 500)


def post(port: int, sent: Batch) -> int:
    """The status of the answer to a request with the batch."""
    headers = {"Content-Type": "application/json", "Sidecar-Protocol": "1", "Sidecar-Batch": sent.id}
    with closing(HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
        connection.request("POST", "/batches", encode(sent), headers)
        return connection.getresponse().status


def test_threads_of_the_server_use_the_session_at_once(spark: SparkSession) -> None:
    def fn(df: DataFrame, number: int) -> None:
        view = f"batch_{number}"
        df.createOrReplaceTempView(view)
        assert SparkSession.getActiveSession() is not None
        seen[number] = df.sparkSession.sql(f"SELECT min(partition), count(*) FROM {view}").collect()

    seen: dict[int, list[Row]] = {}
    given = [batch([record(partition=partition) for _ in range(20)]) for partition in range(8)]
    with Server(foreach_batch(spark, fn), port=0) as server, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda item: post(server.port, item), given)) == [200] * 8
    assert [seen[batch_id(item)] for item in given] == [[(partition, 20)] for partition in range(8)]
