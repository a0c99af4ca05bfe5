"""The core behind all servers: a request in, an answer out. It does no I/O.

Servers read the whole body before they call it. An answer is 200 only if the body was a valid batch and the handler returned.
A partition is marked while a handler runs on it, and the mark goes when the handler has ended, wherever it runs and
whether anyone still waits for its answer.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Union

from ._answers import BrokenContract, Response, acknowledge, refuse, say
from ._columns import parse_columns
from ._failures import Busy, Reject, Retry
from ._handler import AsyncHandler, Handler, is_async
from ._json import parse_json
from ._malformed import MalformedBatch
from ._model import Batch
from ._signature import Verifier

log = logging.getLogger("kafka_sidecar")

PROTOCOL = "1"
MAX_BODY = 64 << 20

HeaderPairs = Union[Mapping[str, str], Iterable[tuple[str, str]]]
Body = Union[bytes, bytearray]


class Unread(Enum):
    """Why a server has no body to give."""

    NO_LENGTH = "no length"
    TOO_LARGE = "too large"


class _Refused(Exception):
    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.response = say(status, text, *headers)


class Core:
    """The checks of a request and the marks of partitions. Thread-safe."""

    def __init__(
        self,
        *,
        token: str | None = None,
        signing_secrets: Sequence[str] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        if token is not None and not token.strip():
            raise ValueError("token is empty: give the sidecar's app.token, or None to take requests without one")
        if max_body < 1:
            raise ValueError(f"max_body is {max_body}: it must be a number of bytes, 1 or more")
        self.max_body = max_body
        self.exit: SystemExit | None = None
        """What a handler that called sys.exit raised."""
        self._authorization = None if token is None else f"Bearer {token.strip()}".encode()
        self._verifier = Verifier(signing_secrets) if signing_secrets else None
        self._lock = threading.Lock()
        self._running: set[tuple[str, str, int]] = set()
        self._stopping = False

    def stop(self) -> None:
        """Answer 503 from now on. Handlers that run go on."""
        with self._lock:
            self._stopping = True

    def accept(self, method: str, headers: HeaderPairs, body: Body | Unread) -> Batch | Response:
        """A batch to call the handler with, its partitions marked, or the answer to something else.

        The caller must give the batch to `release` when its handler has ended.
        """
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        named = {name.lower(): value.strip() for name, value in pairs}
        try:
            self._check_sender(method, named)
            if method != "POST":
                return self._ready(method)
            batch = self._parse(named, self._check_request(named, body))
            self._mark(batch)
            return batch
        except _Refused as refused:
            return _logged(refused.response)

    def release(self, batch: Batch) -> None:
        with self._lock:
            self._running.difference_update(_marks(batch))

    def returned(self, batch: Batch, result: object) -> Response:
        """The answer when the handler has returned. May run code of the handler, if that is a generator."""
        return acknowledge(batch, result)

    def raised(self, batch: Batch, error: BaseException) -> Response:
        """The answer when the handler has raised."""
        try:
            if isinstance(error, (Busy, Retry, Reject)):
                return _logged(refuse(batch, error))
        except BrokenContract as broken:
            error = broken
        if isinstance(error, SystemExit):
            self.exit = error
        # The message of an exception may hold content of records: it goes to the log of the app, not to the sidecar.
        what = str(error) if isinstance(error, BrokenContract) else type(error).__name__
        log.error("batch %s: handler failed", batch.id, exc_info=error)
        return say(500, f"handler failed: {what}")

    def _check_sender(self, method: str, headers: Mapping[str, str]) -> None:
        if method not in ("GET", "HEAD", "POST"):
            raise _Refused(405, f"{method} is not allowed: the sidecar posts", ("Allow", "GET, HEAD, POST"))
        if self._authorization is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        # Servers decode headers as latin-1.
        given = f"{scheme.capitalize()} {token.strip()}".encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._authorization):
            what = "wrong" if token else "missing"
            text = f"the bearer token is {what}: give the app and the sidecar (app.token) the same"
            raise _Refused(401, text, ("WWW-Authenticate", "Bearer"))

    def _ready(self, method: str) -> Response:
        response = say(503, "stopping", ("Retry-After", "1")) if self._stopping else say(200, "ok")
        return response._replace(body=b"") if method == "HEAD" else response

    def _check_request(self, headers: Mapping[str, str], body: Body | Unread) -> Body:
        if self._verifier is not None and not isinstance(body, Unread):
            complaint = self._verifier.complaint(headers, body)
            if complaint is not None:
                raise _Refused(401, complaint)
        version = headers.get("sidecar-protocol", "")
        if version != PROTOCOL:
            found = f"version {version!r}" if version else "no Sidecar-Protocol header"
            raise _Refused(501, f"{found}: this library knows version {PROTOCOL} of the protocol")
        if _media_type(headers) not in _FORMATS:
            raise _Refused(415, f"Content-Type is {_media_type(headers)!r}: it must be {' or '.join(_FORMATS)}")
        if body is Unread.NO_LENGTH:
            raise _Refused(411, "there is no valid Content-Length: the sidecar always sends one")
        if isinstance(body, Unread) or len(body) > self.max_body:
            text = f"the body has more than {self.max_body} bytes: lower batch.max_bytes or raise max_body"
            raise _Refused(413, text)
        return body

    def _parse(self, headers: Mapping[str, str], body: Body) -> Batch:
        try:
            if _media_type(headers) == _COLUMNS:
                batch = parse_columns(body)
            else:
                batch = parse_json(body, json_values=headers.get("sidecar-value") == "json")
        except MalformedBatch as malformed:
            raise _Refused(500, f"malformed batch: {malformed}") from None
        if headers.get("sidecar-batch", batch.id) != batch.id:
            raise _Refused(500, "malformed batch: Sidecar-Batch is not the batch of the body")
        if self._verifier is not None and headers.get("webhook-id") != batch.id:
            raise _Refused(401, "webhook-id is not the batch of the body")
        return batch

    def _mark(self, batch: Batch) -> None:
        marks = _marks(batch)
        with self._lock:
            running = self._running.intersection(marks)
            if not running and not self._stopping:
                self._running.update(marks)
                return
        if running:
            _, topic, partition = min(running)
            text = f"busy: an earlier handler of {topic}/{partition} still runs; if that is usual, raise app.timeout"
            raise _Refused(503, text, ("Retry-After", "1"))
        raise _Refused(503, "stopping", ("Retry-After", "1"), ("Connection", "close"))


class Exchange(Core):
    """A handler with all that surrounds it, as a function of a request: for servers that this library does not know.

        exchange = Exchange(handle, token="…")
        status, headers, body = exchange(request.headers, request.body)

    It checks the request, calls the handler and makes the answer; it never raises, but for KeyboardInterrupt. Read
    the whole body first. Thread-safe: two calls never run the handler for the same partition at once. After a handler called sys.exit,
    `exit` is what it raised.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        token: str | None = None,
        signing_secrets: Sequence[str] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        super().__init__(token=token, signing_secrets=signing_secrets, max_body=max_body)
        if is_async(handler):
            raise TypeError("the handler is async: only asgi(handler) can await it")
        self._handler = handler

    def __call__(self, headers: HeaderPairs, body: Body | Unread, method: str = "POST") -> Response:
        accepted = self.accept(method, headers, body)
        if isinstance(accepted, Response):
            return accepted
        try:
            return self.returned(accepted, self._handler(accepted))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self.raised(accepted, error)
        finally:
            self.release(accepted)


class AsyncExchange(Core):
    """The same with an async handler. Run it in a task of its own: a cancellation is answered as a failure."""

    def __init__(
        self,
        handler: AsyncHandler,
        *,
        token: str | None = None,
        signing_secrets: Sequence[str] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        super().__init__(token=token, signing_secrets=signing_secrets, max_body=max_body)
        self._handler = handler

    async def __call__(self, headers: HeaderPairs, body: Body | Unread, method: str = "POST") -> Response:
        accepted = self.accept(method, headers, body)
        if isinstance(accepted, Response):
            return accepted
        try:
            return self.returned(accepted, await self._handler(accepted))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self.raised(accepted, error)
        finally:
            self.release(accepted)


def is_cut(headers: Mapping[str, str], body: Body | Unread) -> bool:
    """Whether a body is shorter than its Content-Length: the client is gone. Names of headers are in lower case."""
    length = headers.get("content-length", "")
    return not isinstance(body, Unread) and length.isdigit() and len(body) < int(length)


_JSON = "application/json"
_COLUMNS = "application/vnd.kafka-sidecar.columns"
_FORMATS = (_JSON, _COLUMNS)


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _marks(batch: Batch) -> list[tuple[str, str, int]]:
    return [(batch.group, p.topic, p.partition) for p in batch.partitions]


def _logged(response: Response) -> Response:
    """The answer, logged if it is a refusal."""
    if response.status != 200:
        log.warning("answered %d: %s", response.status, response.body.decode().rstrip())
    return response
