"""What a handler returned or raised, as an answer of the protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Coroutine, Iterable
from typing import NamedTuple

from ._failures import Busy, Failure, Reject, Retry
from ._model import Batch

MAX_ANSWER = 1 << 20
"""Bytes of an answer; the sidecar takes a longer one for a wrong set-up. Source: the protocol."""

MAX_REASON = 1000
"""Characters of a reason; a longer one is cut, so that reasons do not make the answer too long."""

TEXT = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/json")


class Response(NamedTuple):
    """An HTTP answer, without Content-Length, which is the server's."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class BrokenContract(Exception):
    """The handler did what a handler must not do. The message holds nothing of a record."""


def say(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """An answer of one line of text."""
    line = " ".join(text.split())
    return Response(status, (TEXT, *headers), line.encode("utf-8", "replace") + b"\n")


def acknowledge(batch: Batch, returned: object) -> Response:
    """200 for what a handler returned. BrokenContract if that is no list of failures of the batch."""
    failures = [] if returned is None else _in_order(batch, returned)
    if not failures:
        return Response(200, (TEXT,), b"")
    body = json.dumps({"failures": [_entry(failure) for failure in failures]}, separators=(",", ":")).encode()
    if len(body) > MAX_ANSWER:
        raise BrokenContract(f"{len(failures)} failures make an answer above {MAX_ANSWER} bytes: give shorter reasons")
    return Response(200, (JSON,), body)


def refuse(batch: Batch, error: Busy | Retry | Reject) -> Response:
    """The answer for a handler of a whole batch that raised one of these."""
    reason = (error.reason or "no reason given")[:MAX_REASON]
    if isinstance(error, Busy):
        after = 1 if error.after is None else math.ceil(error.after)
        return say(503, f"busy: {reason}", ("Retry-After", str(after)))
    if isinstance(error, Retry):
        # The first record of each partition, and so all after it.
        return acknowledge(batch, [p.records[0].retry(error.reason, error.after) for p in batch.partitions])
    if len(batch.records) == 1:
        return acknowledge(batch, [batch.records[0].reject(error.reason or "")])
    # The sidecar halves the batch until the record stands alone.
    return say(422, f"rejected: {reason}")


def _in_order(batch: Batch, returned: object) -> list[Failure]:
    """The failures in the order of the records."""
    if not isinstance(returned, Iterable):
        if isinstance(returned, Coroutine):
            returned.close()  # else Python warns that nobody awaits it
        raise BrokenContract(f"it returned a {type(returned).__name__}: return None or an iterable of Failure")
    places = {(p.topic, p.partition): index for index, p in enumerate(batch.partitions)}
    found: dict[tuple[int, int], Failure] = {}
    for failure in returned:
        if not isinstance(failure, Failure):
            raise BrokenContract(
                f"a failure is a {type(failure).__name__}: make it by record.reject() or record.retry()"
            )
        name = f"{failure.topic}/{failure.partition} offset {failure.offset}"
        index = places.get((failure.topic, failure.partition))
        if index is None or batch.partitions[index]._find(failure.offset) is None:
            raise BrokenContract(f"a failure names {name}, which is not in the batch")
        if (index, failure.offset) in found:
            raise BrokenContract(f"two failures name {name}")
        found[index, failure.offset] = failure
    return [found[place] for place in sorted(found)]


def _entry(failure: Failure) -> dict[str, object]:
    entry: dict[str, object] = {
        "topic": failure.topic,
        "partition": failure.partition,
        "offset": failure.offset,
        "action": failure.action,
    }
    if failure.reason:
        # Half a surrogate is no character and can't be sent.
        entry["reason"] = failure.reason[:MAX_REASON].encode("utf-8", "replace").decode()
    if failure.action == "retry" and failure.retry_after is not None:
        entry["retryAfterMs"] = math.ceil(failure.retry_after * 1000)
    return entry
