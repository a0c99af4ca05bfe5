"""The handler as a WSGI application (PEP 3333), to be mounted in Flask or Django, or served by gunicorn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Callable

from ._answers import Response, say
from ._exchange import MAX_BODY, Body, Exchange, Unread, is_cut
from ._handler import Handler

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_CHUNK = 1 << 20


def wsgi(
    handler: Handler,
    *,
    token: str | None = None,
    signing_secrets: Sequence[str] = (),
    max_body: int = MAX_BODY,
) -> WSGIApp:
    """A WSGI application that calls handler with the batches that the sidecar posts to it, at whatever path.

    The options are those of `serve`. Run it in one process, with threads: two processes do not know of each other's handlers
    and could run two at once for a partition after a time-out.
    """
    exchange = Exchange(handler, token=token, signing_secrets=signing_secrets, max_body=max_body)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = _headers(environ)
        body = _read_body(environ, headers, max_body)
        if is_cut(headers, body):
            response = say(500, "the body is shorter than its Content-Length")
        else:
            response = exchange(headers, body, environ["REQUEST_METHOD"])
        return _send(response, start_response)

    return application


def _headers(environ: Environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers["content-length"] = environ.get("CONTENT_LENGTH", "")
    return headers


def _read_body(environ: Environ, headers: dict[str, str], max_body: int) -> Body | Unread:
    """The body; shorter than its Content-Length if the client is gone."""
    length = headers["content-length"].strip()
    if length.isascii() and length.isdigit():
        left = int(length)
    elif environ.get("wsgi.input_terminated"):
        left = -1  # the server has decoded a chunked body
    else:
        return Unread.NO_LENGTH if environ["REQUEST_METHOD"] == "POST" else b""
    body = bytearray()
    too_large = False
    while left:
        chunk = environ["wsgi.input"].read(_CHUNK if left < 0 else min(left, _CHUNK))
        if not chunk:
            break
        left -= len(chunk) if left > 0 else 0
        too_large = too_large or len(body) + len(chunk) > max_body
        if too_large:
            body.clear()
        else:
            body += chunk
    return Unread.TOO_LARGE if too_large else body


def _send(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    start_response(status, [*response.headers, ("Content-Length", str(len(response.body)))])
    return [response.body]
