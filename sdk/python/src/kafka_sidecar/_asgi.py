"""The handler as an ASGI 3 application, to be mounted in Starlette, FastAPI, Django, or served by uvicorn or hypercorn.

asyncio is imported with the first request: it takes as long as all else here, and `serve` does without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, cast

from ._answers import Response
from ._exchange import MAX_BODY, AsyncExchange, Body, Exchange, HeaderPairs, Unread, is_cut
from ._handler import AsyncHandler, Handler, is_async

if TYPE_CHECKING:
    import asyncio

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Coroutine[Any, Any, None]]


def asgi(
    handler: Handler | AsyncHandler,
    *,
    token: str | None = None,
    signing_secrets: Sequence[str] = (),
    max_body: int = MAX_BODY,
) -> ASGIApp:
    """An ASGI 3 application that calls handler with the batches that the sidecar posts to it, at whatever path.

        app.add_route("/batches", asgi(handle), methods=["GET", "POST"])  # Starlette, FastAPI

    An async handler is awaited in the event loop (asyncio), another one runs in the loop's default threads. It runs to its end
    even if the client is gone, and until then its partitions are answered 503. The options are those of `serve`.
    """
    if is_async(handler):
        async_handler = cast("AsyncHandler", handler)
        return _Application(
            AsyncExchange(async_handler, token=token, signing_secrets=signing_secrets, max_body=max_body), max_body
        )
    sync_handler = cast("Handler", handler)
    exchange = Exchange(sync_handler, token=token, signing_secrets=signing_secrets, max_body=max_body)

    async def call(headers: HeaderPairs, body: Body | Unread, method: str) -> Response:
        import asyncio

        return await asyncio.to_thread(exchange, headers, body, method)

    return _Application(call, max_body)


class _Application:
    """An object, not a function: Starlette's and FastAPI's routes take a function for one of a request."""

    def __init__(
        self, call: Callable[[HeaderPairs, Body | Unread, str], Coroutine[Any, Any, Response]], max_body: int
    ) -> None:
        self._call = call
        self._max_body = max_body
        # The loop holds tasks weakly; one whose client is gone must go on.
        self._running: set[asyncio.Task[Response]] = set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the sidecar posts over HTTP, not {scope['type']}")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _read_body(receive, self._max_body)
        if body is None or is_cut(headers, body):
            return
        import asyncio

        task = asyncio.create_task(self._call(headers, body, scope["method"]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await _send(await asyncio.shield(task), send)


async def _read_body(receive: Receive, max_body: int) -> bytearray | Unread | None:
    """None if the client was gone before the end of the body."""
    body = bytearray()
    too_large = False
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        too_large = too_large or len(body) + len(message.get("body", b"")) > max_body
        if too_large:
            body.clear()
        else:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return Unread.TOO_LARGE if too_large else body


async def _send(response: Response, send: Send) -> None:
    length = ("Content-Length", str(len(response.body)))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in (*response.headers, length)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
