"""The helpers for tests of apps."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kafka_sidecar import Batch, Busy, Failure, Reject, Retry
from kafka_sidecar.testing import Answer, batch, batch_id, deliver, deliver_async, encode, record
from support import two_partitions, vectors


def test_records_are_numbered_and_sorted() -> None:
    sent = batch(
        [
            record("c", topic="ä"),
            record("a", topic="b", partition=10),
            record("a", topic="b", partition=9, offset=5),
            record("b", topic="b", partition=9, offset=3),
            record("c", topic="b", partition=9),
            record("b", topic="b", partition=10),
        ]
    )
    assert [(r.topic, r.partition, r.offset, r.text()) for r in sent.records] == [
        ("b", 9, 3, "b"),
        ("b", 9, 4, "c"),
        ("b", 9, 5, "a"),
        ("b", 10, 0, "a"),
        ("b", 10, 1, "b"),
        ("ä", 0, 0, "c"),
    ]


def test_ids_are_those_of_the_sidecar() -> None:
    case = next(c for c in vectors("encode.json")["cases"] if c["name"] == "the example of the README")
    sent = batch([record(topic="orders", partition=3, offset=o) for o in (1200, 1203)], group="billing")
    assert sent.id == case["id"] == batch_id("billing", sent.ranges)


def test_everything_arrives() -> None:
    at = datetime(2024, 11, 24, 12, tzinfo=timezone(timedelta(hours=1)))
    sent = batch(
        [record(b"\xff", key="k", timestamp=at, headers=[("h\udcff", b"\xfe"), ("h", None)])], attempt=3, fence=9
    )
    [got] = sent.records
    assert (got.key, got.value, got.headers) == (b"k", b"\xff", [("h\udcff", b"\xfe"), ("h", None)])
    assert got.timestamp == at
    assert (sent.group, sent.attempt, sent.ranges[0].fence) == ("test", 3, 9)


def test_from_offsets() -> None:
    sent = batch([record(offset=7)], from_offsets={("test", 0): 5})
    assert sent.ranges[0][2:4] == (5, 8)
    with pytest.raises(ValueError, match="fromOffset is 9"):
        batch([record(offset=7)], from_offsets={("test", 0): 9})


def test_records_of_a_batch_make_another() -> None:
    sent = two_partitions()
    assert batch(sent.records[1:]).records[0] == sent.records[1]
    assert encode(batch(sent.records, group="billing")) == encode(sent)


def test_batches_that_are_none() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        batch([])
    with pytest.raises(ValueError, match="two records have the offset 3 of test/0"):
        batch([record(offset=3), record(offset=3)])


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (None, Answer("acked", (), None, 200, "")),
        (Busy("away", 2), Answer("busy", (), 2.0, 503, "busy: away")),
        (Reject("bad"), Answer("refused", (), None, 422, "rejected: bad")),
        (ValueError("x"), Answer("failed", (), None, 500, "handler failed: ValueError")),
        (SystemExit(1), Answer("failed", (), None, 500, "handler failed: SystemExit")),
        (
            Retry("locked", 0.25),
            Answer("acked", tuple(Failure("orders", p, o, "retry", "locked", 0.25) for p, o in [(3, 1200), (4, 7)])),
        ),
    ],
    ids=str,
)
def test_answers(error: Any, want: Answer) -> None:
    def handle(taken: Batch) -> None:
        if error is not None:
            raise error

    async def handle_async(taken: Batch) -> None:
        handle(taken)

    async def in_a_loop() -> Answer:
        return await deliver_async(handle_async, two_partitions())

    assert deliver(handle, two_partitions()) == want
    assert deliver(handle_async, two_partitions()) == want
    assert asyncio.run(in_a_loop()) == want


def test_handler_gets_the_same_batch() -> None:
    taken: list[Batch] = []
    sent = two_partitions()
    deliver(taken.append, sent)
    assert (taken[0].id, list(taken[0].records)) == (sent.id, list(sent.records))
