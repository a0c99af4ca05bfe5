"""Batch, Partition, Record and Failure as an app sees them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pytest

import kafka_sidecar
from kafka_sidecar import Busy, Failure, OffsetRange, Record, Refusal, Reject, Retry
from kafka_sidecar.testing import batch, record
from support import two_partitions


def one(**fields: Any) -> Record:
    return batch([record(**fields)]).records[0]


def test_records_are_a_sequence() -> None:
    records = two_partitions().records
    assert isinstance(records, Sequence)
    assert len(records) == 4
    assert [r.offset for r in records] == [1200, 1201, 1203, 7]
    assert [r.offset for r in reversed(records)] == [7, 1203, 1201, 1200]
    assert [records[i].offset for i in (0, 3, -1, -4)] == [1200, 7, 7, 1200]
    assert [r.offset for r in records[1:]] == [1201, 1203, 7]
    assert [r.offset for r in records[::-2]] == [7, 1201]
    assert records[9:] == ()
    for index in (4, -5):
        with pytest.raises(IndexError):
            records[index]
    assert records[2] in records
    assert records.index(records[3]) == 3


def test_partitions_have_their_records() -> None:
    third, fourth = two_partitions().partitions
    assert [r.offset for r in third.records] == [1200, 1201, 1203]
    assert [r.offset for r in fourth.records] == [7]
    assert fourth.records[0].partition == 4
    assert fourth.records[-1] == fourth.records[0]
    with pytest.raises(IndexError):
        fourth.records[1]


def test_ranges() -> None:
    ranges = two_partitions().ranges
    assert ranges == (OffsetRange("orders", 3, 1200, 1204, 1), OffsetRange("orders", 4, 7, 8, 1))
    assert ranges[0].until_offset == 1204


def test_timestamps() -> None:
    taken = one(timestamp=1732430000123)
    assert taken.timestamp_ms == 1732430000123
    assert taken.timestamp == datetime(2024, 11, 24, 6, 33, 20, 123000, tzinfo=timezone.utc)
    assert (one().timestamp, one().timestamp_ms) == (None, -1)
    assert one(timestamp=0).timestamp == datetime(1970, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(OverflowError, match="use timestamp_ms"):
        _ = one(timestamp=2**63 - 1).timestamp


def test_headers() -> None:
    taken = one(headers=[("a", b"1"), ("b", None), ("a", b"2"), ("b\udcff", "x")])
    assert taken.headers == [("a", b"1"), ("b", None), ("a", b"2"), ("b\udcff", b"x")]
    assert (taken.header("a"), taken.header("b"), taken.header("c")) == (b"2", None, None)
    taken.headers.clear()
    assert len(taken.headers) == 4, "each time a new list"


def test_values() -> None:
    assert one(value=None).value is None
    assert one(value="").value == b""
    assert one(value='{"a":1}').json() == {"a": 1}
    assert one(value="ä").text() == "ä"
    with pytest.raises(UnicodeDecodeError):
        one(value=b"\xff").text()
    for value in (b"\xff", b"{", b"", b"NaN", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            one(value=value).json()


def test_failures_of_a_record() -> None:
    taken = two_partitions().records[1]
    assert taken.reject("bad") == Failure("orders", 3, 1201, "reject", "bad")
    assert taken.retry() == Failure("orders", 3, 1201, "retry")
    assert taken.retry("locked", 0.5) == Failure("orders", 3, 1201, "retry", "locked", 0.5)


def test_equal_records() -> None:
    first, again = two_partitions().records[0], two_partitions().records[0]
    assert first == again
    assert hash(first) == hash(again)
    assert first != two_partitions().records[1]
    assert one(value=b"a") != one(value=b"b")
    assert first != "record"


def test_content_is_not_shown() -> None:
    sent = batch([record(b"geheim", key=b"geheim", headers=[("geheim", b"geheim")])])
    for thing in (sent, sent.records, sent.records[0], sent.partitions[0], sent.ranges):
        assert "geheim" not in repr(thing)
    assert repr(sent.records[0]) == "Record(topic='test', partition=0, offset=0)"


@pytest.mark.parametrize(
    "thing", [two_partitions(), two_partitions().partitions[0], two_partitions().records[0].retry()]
)
def test_immutable(thing: Any) -> None:
    for name in ("topic", "attempt", "partition"):
        with pytest.raises(AttributeError):
            setattr(thing, name, 5)


def test_records_are_immutable() -> None:
    for name in ("offset", "value", "other"):
        with pytest.raises(AttributeError):
            setattr(two_partitions().records[0], name, 5)


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), -0.001])
def test_waits_that_are_none(after: float) -> None:
    for make in (
        lambda: Retry(after=after),
        lambda: Busy(after=after),
        lambda: two_partitions().records[0].retry("", after),
    ):
        with pytest.raises(ValueError, match="seconds, 0 or more"):
            make()


@pytest.mark.parametrize("after", ["5", True])
def test_waits_of_another_type(after: Any) -> None:
    with pytest.raises(TypeError, match="number of seconds"):
        Retry("locked", after)


def test_reasons_of_another_type() -> None:
    wrong: Any = {"id": 1}
    for make in (Reject, Retry, Busy, two_partitions().records[0].reject):
        with pytest.raises(TypeError, match="reason is of type dict"):
            make(wrong)


def test_actions_that_are_none() -> None:
    wrong: Any = "skip"
    with pytest.raises(ValueError, match="action is 'skip'"):
        Failure("orders", 3, 1200, wrong)


def test_refusals() -> None:
    assert {Reject.__base__, Retry.__base__, Busy.__base__} == {Refusal}
    assert (str(Reject("bad")), str(Retry()), Retry("x", 2).after, Busy().reason) == ("bad", "", 2, None)
    for refusal in (Reject("bad"), Retry("locked"), Busy()):
        assert pickle.loads(pickle.dumps(refusal)).reason == refusal.reason


def test_all_names_are_there() -> None:
    for name in kafka_sidecar.__all__:
        assert getattr(kafka_sidecar, name).__doc__ or name.endswith("Handler")
    assert list(kafka_sidecar.__all__) == sorted(kafka_sidecar.__all__)
