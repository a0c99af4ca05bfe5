"""What the tests share: the protocol's vectors, requests, and ways to send them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.client
import io
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, NamedTuple
from wsgiref.util import setup_testing_defaults

from kafka_sidecar import Batch, Exchange, Server, asgi, wsgi
from kafka_sidecar.testing import NewRecord, batch, encode, record

VECTORS = Path(__file__).parents[3] / "protocol" / "vectors"
JSON = "application/json"
COLUMNS = "application/vnd.kafka-sidecar.columns"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def b64(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def two_partitions() -> Batch:
    """orders/3 with the offsets 1200, 1201 and 1203, orders/4 with the offset 7: the batch of answer.json."""
    return batch([at(3, 1200), at(3, 1201), at(3, 1203), at(4, 7)], group="billing")


def one_record() -> Batch:
    return batch([at(3, 1200)], group="billing")


def at(partition: int, offset: int) -> NewRecord:
    return record(b'{"id":1}', key=b"k", topic="orders", partition=partition, offset=offset)


def headers_of(sent: Batch, **more: str | None) -> dict[str, str]:
    """The headers of a request; underscores in names stand for hyphens, None leaves a header out."""
    headers: dict[str, str | None] = {
        "Content-Type": JSON,
        "Sidecar-Protocol": "1",
        "Sidecar-Batch": sent.id,
        "Sidecar-Attempt": str(sent.attempt),
    }
    headers.update({name.replace("_", "-"): value for name, value in more.items()})
    return {name: value for name, value in headers.items() if value is not None}


def sign(secret: str, message_id: str, body: bytes, timestamp: float | None = None) -> dict[str, str]:
    """Headers of the Standard Webhooks specification."""
    key = base64.b64decode(secret.split("_")[-1])
    stamp = str(int(time.time() if timestamp is None else timestamp))
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook_id": message_id, "webhook_timestamp": stamp, "webhook_signature": f"v1,bm8= {signature}"}


class Got(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Request(NamedTuple):
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


def request_of(sent: Batch, **more: str | None) -> Request:
    return Request(headers_of(sent, **more), encode(sent))


Handler = Callable[[Batch], Any]
Send = Callable[[Request], Got]


@contextmanager
def by_exchange(handler: Handler, **options: Any) -> Iterator[Send]:
    exchange = Exchange(handler, **options)

    def send(request: Request) -> Got:
        response = exchange(request.headers, request.body, request.method)
        return Got(response.status, {name.lower(): value for name, value in response.headers}, response.body)

    yield send


@contextmanager
def by_tcp(handler: Handler, **options: Any) -> Iterator[Send]:
    with Server(handler, port=0, **options) as server:
        yield lambda request: post(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30), request)


@contextmanager
def by_unix(handler: Handler, **options: Any) -> Iterator[Send]:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/app.sock"
        with Server(handler, unix=path, **options):
            yield lambda request: post(UnixConnection(path), request)


@contextmanager
def by_asgi(handler: Handler, **options: Any) -> Iterator[Send]:
    yield lambda request: asyncio.run(call_asgi(asgi(handler, **options), request))


@contextmanager
def by_wsgi(handler: Handler, **options: Any) -> Iterator[Send]:
    application = wsgi(handler, **options)

    def send(request: Request) -> Got:
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        setup_testing_defaults(environ)
        environ["REQUEST_METHOD"] = request.method
        environ["CONTENT_TYPE"] = request.headers.get("Content-Type", "")
        environ["CONTENT_LENGTH"] = str(len(request.body))
        environ["wsgi.input"] = io.BytesIO(request.body)  # type: ignore[assignment]
        started: list[Any] = []
        body = b"".join(application(environ, lambda *args: started.extend(args)))
        headers = {name.lower(): value for name, value in started[1]}
        return Got(int(started[0].split()[0]), headers, body)

    yield send


TRANSPORTS = [by_exchange, by_tcp, by_unix, by_asgi, by_wsgi]


async def call_asgi(application: Any, request: Request) -> Got:
    """The request in two pieces."""
    half = len(request.body) // 2
    messages = [
        {"type": "http.request", "body": request.body[:half], "more_body": True},
        {"type": "http.request", "body": request.body[half:], "more_body": False},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    scope = {"type": "http", "method": request.method, "path": "/batches", "query_string": b"", "headers": headers}
    await application(scope, receive, send)
    start, body = sent
    return Got(start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, body["body"])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def post(connection: http.client.HTTPConnection, request: Request, keep: bool = False) -> Got:
    connection.request(request.method, "/batches", request.body, request.headers)
    response = connection.getresponse()
    got = Got(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
    if not keep:
        connection.close()
    return got


class Seen:
    """A handler that keeps what it is given and then returns or raises."""

    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome
        self.batches: list[Batch] = []

    def __call__(self, batch: Batch) -> Any:
        self.batches.append(batch)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome(batch) if callable(self.outcome) else self.outcome


def wait_until_refused(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # closed at that very moment


class Gate:
    """A handler that waits until it is let go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.calls = 0

    def __call__(self, taken: Batch) -> None:
        self.calls += 1
        self.entered.set()
        if not self.open.wait(30):
            raise TimeoutError("nobody opened the gate")


@contextmanager
def in_thread(function: Callable[[], Any]) -> Iterator[list[Any]]:
    """Run function meanwhile; its result is in the list at the end."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    try:
        yield results
    finally:
        thread.join(60)
        assert not thread.is_alive(), "it does not end"
