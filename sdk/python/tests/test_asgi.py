"""asgi, under uvicorn and mounted in Starlette."""

from __future__ import annotations

import asyncio
import contextvars
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from kafka_sidecar import Batch, Busy, Failure, Record, Retry, asgi, each
from kafka_sidecar.testing import encode
from support import Gate, Seen, call_asgi, headers_of, in_thread, one_record, post, request_of, two_partitions


@contextmanager
def uvicorn_of(application: Any) -> Iterator[int]:
    """The port of a uvicorn that serves the application."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, timeout_graceful_shutdown=30))
    with in_thread(server.run):
        try:
            while not server.started:
                threading.Event().wait(0.005)
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


async def accept_all(batch: Batch) -> None:
    await asyncio.sleep(0)


def mounted(application: Any) -> Starlette:
    async def other(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse("the app's own page")

    return Starlette(routes=[Route("/other", other), Route("/batches", application)])


def mounted_below(application: Any) -> Starlette:
    return Starlette(routes=[Mount("/", application)])


@pytest.mark.parametrize("handler", [accept_all, Seen()], ids=["async", "sync"])
@pytest.mark.parametrize(
    "wrap", [mounted, mounted_below, lambda application: application], ids=["route", "mount", "alone"]
)
def test_uvicorn(handler: Any, wrap: Any) -> None:
    with uvicorn_of(wrap(asgi(handler, max_body=5000, token="geheim"))) as port:
        connection = connect(port)
        good = request_of(two_partitions(), Authorization="Bearer geheim")
        assert post(connection, good, keep=True).status == 200
        assert post(connection, good._replace(body=b" " * 6000), keep=True).status == 413
        assert post(connection, request_of(two_partitions()), keep=True).status == 401
        assert post(connection, good._replace(method="GET", body=b""), keep=True).text == "ok\n"
        assert post(connection, good._replace(method="HEAD", body=b"")).status == 200


def test_uvicorn_serves_the_rest_of_the_app_meanwhile() -> None:
    gate = Gate()
    with (
        uvicorn_of(mounted(asgi(gate))) as port,
        in_thread(lambda: post(connect(port), request_of(one_record()))) as answer,
    ):
        assert gate.entered.wait(30)
        connection = connect(port)
        connection.request("GET", "/other")
        assert connection.getresponse().read() == b"the app's own page"
        connection.close()
        assert post(connect(port), request_of(one_record())).status == 503
        gate.open.set()
    assert answer[0].status == 200


def test_failures_and_refusals_of_async_handlers() -> None:
    async def reject(batch: Batch) -> list[Failure]:
        return [batch.records[1].reject("bad")]

    async def wait(batch: Batch) -> None:
        raise Busy("away", 5)

    async def fail(batch: Batch) -> None:
        raise ValueError("secret")

    async def cancelled(batch: Batch) -> None:
        raise asyncio.CancelledError

    async def one(record: Record) -> None:
        if record.offset == 1201:
            raise Retry("locked")

    def answer(handler: Any) -> tuple[int, str]:
        got = asyncio.run(call_asgi(asgi(handler), request_of(two_partitions())))
        return got.status, got.text

    assert '"offset":1201' in answer(reject)[1]
    assert answer(wait) == (503, "busy: away\n")
    assert answer(fail) == (500, "handler failed: ValueError\n")
    assert answer(cancelled) == (500, "handler failed: CancelledError\n")
    assert '"offset":1201,"action":"retry","reason":"locked"' in answer(each(one))[1]


class AsyncObject:
    async def __call__(self, batch: Batch) -> None:
        await asyncio.sleep(0)


def test_object_with_an_async_call() -> None:
    assert asyncio.run(call_asgi(asgi(AsyncObject()), request_of(one_record()))).status == 200


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_request_that_is_cancelled_leaves_the_partition_busy(kind: str) -> None:
    """The server gave up; the handler runs on, and until it ends the sidecar has to wait."""

    async def run() -> None:
        entered, ended = asyncio.Event(), asyncio.Event()
        let_go = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def handle(batch: Batch) -> None:
            entered.set()
            await let_go.wait()
            ended.set()

        def handle_in_thread(batch: Batch) -> None:
            asyncio.run_coroutine_threadsafe(handle(batch), loop).result(30)

        application = asgi(handle if kind == "async" else handle_in_thread)
        first = asyncio.ensure_future(call_asgi(application, request_of(one_record())))
        await entered.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await call_asgi(application, request_of(one_record()))).status == 503
        let_go.set()
        await ended.wait()
        while (got := await call_asgi(application, request_of(one_record()))).status == 503:
            await asyncio.sleep(0)
        assert got.status == 200

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.disconnect"}],
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}],
        [{"type": "http.request", "body": encode(one_record())[:-1]}],
    ],
)
def test_body_that_is_cut_gets_no_answer(messages: list[Any]) -> None:
    handler = Seen()
    length = str(len(encode(one_record())))
    headers = {**headers_of(one_record()), "Content-Length": length}
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    left = list(messages)

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError("nobody is there")

    asyncio.run(asgi(handler)(scope, receive, send))
    assert handler.batches == []


def test_context_of_the_request_reaches_a_handler_in_a_thread() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def run() -> None:
        variable.set("from the request")
        await call_asgi(asgi(lambda batch: seen.append(variable.get())), request_of(one_record()))

    asyncio.run(run())
    assert seen == ["from the request"]


def test_websockets_are_refused() -> None:
    async def nothing(*_: Any) -> Any: ...

    with pytest.raises(ValueError, match="not websocket"):
        asyncio.run(asgi(accept_all)({"type": "websocket"}, nothing, nothing))


def test_chunked_body() -> None:
    """The sidecar sends none, but a proxy between may."""
    with uvicorn_of(asgi(accept_all)) as port:
        request = request_of(one_record())
        connection = connect(port)
        connection.request("POST", "/", iter([request.body]), request.headers, encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
