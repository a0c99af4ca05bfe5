"""Test handlers without a sidecar.

    from kafka_sidecar.testing import batch, deliver, record

    answer = deliver(handle, batch([record(b"one"), record(b"two", topic="orders", partition=3, offset=1200)]))
    assert answer.kind == "acked" and not answer.failures

Batches made here are encoded and parsed like those of the sidecar, and `deliver` runs all that runs behind `serve`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any, Literal, Union, cast

from ._answers import Response
from ._exchange import PROTOCOL, AsyncExchange, Exchange
from ._failures import Failure
from ._handler import AsyncHandler, Handler, is_async
from ._json import parse_json
from ._model import EPOCH, Batch, OffsetRange, Record

__all__ = ["Answer", "NewRecord", "batch", "batch_id", "deliver", "deliver_async", "encode", "record"]

Kind = Literal["acked", "busy", "refused", "failed"]
Text = Union[bytes, str, None]
AnyRecord = Union["NewRecord", Record]


@dataclass(frozen=True)
class NewRecord:
    """A record to build a batch of; see `record`."""

    topic: str
    partition: int
    offset: int | None
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Answer:
    """An answer as the sidecar takes it.

    kind: "acked" (all but failures is acknowledged), "busy" (the same batch comes again, nothing is counted), "refused" (the batch is
    halved at once) or "failed" (a failed attempt).
    failures: in the order of the records, with "acked" only. retry_after: seconds, with "busy" only. text: what a refusal says.
    """

    kind: Kind
    failures: tuple[Failure, ...] = ()
    retry_after: float | None = None
    status: int = 200
    text: str = ""


def record(
    value: Text = b"",
    *,
    key: Text = None,
    topic: str = "test",
    partition: int = 0,
    offset: int | None = None,
    timestamp: datetime | int | None = None,
    headers: Iterable[tuple[str, Text]] = (),
) -> NewRecord:
    """A record for `batch`. A str is taken as UTF-8; None is null: a tombstone, a record without key.

    offset None is the offset after the record before it of the partition, 0 for the first. timestamp is a datetime (aware; a naive one is
    local time), milliseconds since the epoch, or None for a record without one.
    """
    if isinstance(timestamp, datetime):
        timestamp = round((timestamp.astimezone(timezone.utc) - EPOCH).total_seconds() * 1000)
    pairs = tuple((name, _bytes(header)) for name, header in headers)
    stamp = -1 if timestamp is None else timestamp
    return NewRecord(topic, partition, offset, stamp, _bytes(key), _bytes(value), pairs)


def batch(
    records: Iterable[AnyRecord],
    *,
    group: str = "test",
    attempt: int = 1,
    fence: int = 1,
    from_offsets: dict[tuple[str, int], int] | None = None,
) -> Batch:
    """A batch of the records, in the order that the sidecar sends: by topic, partition and offset.

    from_offsets gives the from_offset of a (topic, partition); the default is the offset of its first record.
    ValueError if there are no records, or two with the same topic, partition and offset.
    """
    found = _numbered(records)
    if not found:
        raise ValueError("a batch has at least one record")
    partitions = []
    for (topic, partition), content in found.items():
        offsets = sorted(content)
        start = (from_offsets or {}).get((topic, partition), offsets[0])
        claim = OffsetRange(topic, partition, start, offsets[-1] + 1, fence)
        partitions.append((claim, sorted(content.items(), key=itemgetter(0))))
    partitions.sort(key=lambda part: (part[0].topic.encode(), part[0].partition))
    identity = batch_id(group, [claim for claim, _ in partitions])
    return parse_json(_body(identity, group, attempt, partitions), json_values=False)


def batch_id(group: str, ranges: Iterable[OffsetRange]) -> str:
    """The id of the batch with these ranges: the same group and ranges give the same id."""
    digest = hashlib.sha256(f"1\n{group}\n".encode())
    for r in ranges:
        digest.update(f"{r.topic}\n{r.partition}\n{r.from_offset}\n{r.until_offset}\n".encode())
    return digest.hexdigest()[:32]


def deliver(handler: Handler | AsyncHandler, batch: Batch) -> Answer:
    """Have the handler, which may be async, take the batch, and read its answer as the sidecar does.

    What the handler raises is logged and answered as by `serve`; nothing is raised here. In a running event loop use
    `deliver_async`.
    """
    if is_async(handler):
        return asyncio.run(deliver_async(cast("AsyncHandler", handler), batch))
    return _read(Exchange(cast("Handler", handler))(_headers(batch), encode(batch)))


async def deliver_async(handler: AsyncHandler, batch: Batch) -> Answer:
    """`deliver` for an async handler, awaited in the running event loop."""
    return _read(await AsyncExchange(handler)(_headers(batch), encode(batch)))


def _headers(batch: Batch) -> dict[str, str]:
    return {"Content-Type": "application/json", "Sidecar-Protocol": PROTOCOL, "Sidecar-Batch": batch.id}


def _read(response: Response) -> Answer:
    if response.status != 200:
        kinds: dict[int, Kind] = {413: "refused", 422: "refused", 503: "busy"}
        after = dict(response.headers).get("Retry-After")
        text = response.body.decode().rstrip()
        return Answer(
            kinds.get(response.status, "failed"), (), None if after is None else float(after), response.status, text
        )
    entries = json.loads(response.body)["failures"] if response.body else []
    return Answer("acked", tuple(map(_failure, entries)))


def _failure(entry: dict[str, Any]) -> Failure:
    after = entry.get("retryAfterMs")
    place = (entry["topic"], entry["partition"], entry["offset"])
    return Failure(*place, entry["action"], entry.get("reason"), None if after is None else after / 1000)


def encode(batch: Batch) -> bytes:
    """The body that the sidecar would post for the batch: application/json, `batch.value: auto`."""
    partitions = [(claim, [(r.offset, r) for r in p.records]) for claim, p in zip(batch.ranges, batch.partitions)]
    return _body(batch.id, batch.group, batch.attempt, partitions)


def _numbered(records: Iterable[AnyRecord]) -> dict[tuple[str, int], dict[int, AnyRecord]]:
    """The records by partition and offset; those without an offset get the one after the record before."""
    found: dict[tuple[str, int], dict[int, AnyRecord]] = {}
    following: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        offset = following.get(place, 0) if record.offset is None else record.offset
        following[place] = offset + 1
        content = found.setdefault(place, {})
        if offset in content:
            raise ValueError(f"two records have the offset {offset} of {place[0]}/{place[1]}")
        content[offset] = record
    return found


def _body(
    identity: str,
    group: str,
    attempt: int,
    partitions: Iterable[tuple[OffsetRange, Iterable[tuple[int, AnyRecord]]]],
) -> bytes:
    content = [
        {
            "topic": claim.topic,
            "partition": claim.partition,
            "fromOffset": claim.from_offset,
            "untilOffset": claim.until_offset,
            "fence": claim.fence,
            "records": [_record(offset, record) for offset, record in records],
        }
        for claim, records in partitions
    ]
    return json.dumps({"batch": identity, "group": group, "attempt": attempt, "partitions": content}).encode()


def _record(offset: int, record: AnyRecord) -> dict[str, object]:
    headers = [{**_field("name", _name_bytes(name)), **_field("value", value)} for name, value in record.headers]
    fields = {**_field("key", record.key), **_field("value", record.value)}
    return {"offset": offset, "timestamp": record.timestamp_ms, **fields, "headers": headers}


def _field(name: str, content: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if content is None else content.decode()}
    except UnicodeDecodeError:
        return {name + "Base64": b64encode(content or b"").decode()}


def _name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _bytes(text: Text) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
