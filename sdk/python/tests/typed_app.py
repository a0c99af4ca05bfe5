"""An app as its author types it. test_typing has mypy check it: an ignore that is not needed is an error there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kafka_sidecar import (
    AsyncHandler,
    Batch,
    Busy,
    Exchange,
    Failure,
    Handler,
    OffsetRange,
    Record,
    Reject,
    Retry,
    Server,
    asgi,
    each,
    serve,
    wsgi,
)
from kafka_sidecar.testing import Answer, batch, deliver, record


def handle(taken: Batch) -> None:
    for found in taken.records:
        place: tuple[str, int, int] = (found.topic, found.partition, found.offset)
        key: bytes | None = found.key
        at: datetime | None = found.timestamp
        text: str | None = found.text()
        headers: list[tuple[str, bytes | None]] = found.headers
        print(place, key, at, text, headers, found.json()["id"])
    ranges: tuple[OffsetRange, ...] = taken.ranges
    first: Record = taken.partitions[0].records[0]
    some: tuple[Record, ...] = taken.records[1:]
    print(ranges, first, some)


def with_failures(taken: Batch) -> list[Failure]:
    return [found.reject("bad") for found in taken.records if found.value is None]


def generator(taken: Batch) -> Iterator[Failure]:
    yield taken.records[0].retry("locked", after=0.5)


async def handle_async(taken: Batch) -> None: ...


async def async_with_failures(taken: Batch) -> list[Failure]:
    return []


def one(found: Record) -> None:
    if found.key is None:
        raise Reject("no key")
    if found.header("slow"):
        raise Retry(after=1.5)
    raise Busy("database is away", after=5)


async def one_async(found: Record) -> None: ...


handlers: list[Handler] = [handle, with_failures, generator, each(one)]
async_handlers: list[AsyncHandler] = [handle_async, async_with_failures, each(one_async)]


def uses() -> None:
    serve(handle, port=8080, token="geheim", signing_secrets=["whsec_"], max_body=1 << 20)
    serve(with_failures, unix="/run/app.sock", unix_mode=0o600)
    with Server(generator, port=0) as server:
        print(server.port + 1)
    status, headers, body = Exchange(handle)({"Content-Type": "application/json"}, b"")
    print(status + 1, dict(headers), body.decode())
    print(wsgi(each(one)), asgi(handle), asgi(handle_async), asgi(each(one_async)))
    answer: Answer = deliver(handle, batch([record("x", key=b"k", headers=[("n", None)])]))
    print(answer.kind, answer.failures)


def mistakes(taken: Batch) -> None:
    taken.records[0].value.decode()  # type: ignore[union-attr]
    taken.attempt = 2  # type: ignore[misc]
    taken.records[0].offset = 2  # type: ignore[misc]
    serve(handle_async, port=8080)  # type: ignore[arg-type]
    wsgi(each(one_async))  # type: ignore[arg-type]
    serve(one, port=8080)  # type: ignore[arg-type]
    serve(lambda taken: 200, port=8080)  # type: ignore[arg-type,return-value]
    each(lambda found: found.reject("bad"))  # type: ignore[arg-type,return-value]
    Failure("orders", 3, 1200, "skip")  # type: ignore[arg-type]
    raise Reject  # type: ignore[call-arg]
