"""The head of an HTTP/1 request as text, and that of an answer. No I/O.

The standard library's http.server does the same by the parser of e-mail, which takes longer than the columns of a whole batch.
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import NamedTuple

from ._answers import Response

HEAD_END = b"\r\n\r\n"

MAX_HEAD = 65536
"""Bytes of the head of a request; a longer one is refused."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 the term of RFC 9110
_LINE_END = r"(?=\r\n|\Z)"
_REQUEST_LINE = re.compile(rf"({_TOKEN}) [!-~\x80-\xff]+ HTTP/([0-9])\.([0-9]){_LINE_END}")
_FIELD = re.compile(rf"\r\n({_TOKEN}):[ \t]*([\t -~\x80-\xff]*){_LINE_END}")


class BadHead(Exception):
    """The head is not that of a request: the answer says why, and the connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class RequestHead(NamedTuple):
    """headers: (name, value) pairs, names in lower case."""

    method: str
    headers: list[tuple[str, str]]
    is_http_1_0: bool

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]

    @property
    def keep_alive(self) -> bool:
        """Whether the client takes further answers on this connection."""
        options = ",".join(self.values("connection")).lower().split(",")
        return not self.is_http_1_0 and "close" not in map(str.strip, options)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits to be told to send the body."""
        return not self.is_http_1_0 and "100-continue" in map(str.lower, self.values("expect"))


def parse_head(raw: bytes) -> RequestHead:
    """The head up to its end, which is HEAD_END, without it. BadHead if it is none of HTTP/1."""
    text = raw.decode("latin-1")
    request = _REQUEST_LINE.match(text)
    if request is None:
        raise BadHead(400, "the first line is not that of an HTTP/1 request")
    method, major, minor = request.groups()
    if major != "1":
        raise BadHead(505, f"HTTP/{major}.{minor} is not known here: only HTTP/1 is")
    headers = [(name.lower(), value.rstrip(" \t")) for name, value in _FIELD.findall(text)]
    if len(headers) != text.count("\r\n"):
        raise BadHead(400, "a line of the head is not a header")
    return RequestHead(method, headers, minor == "0")


def answer_of(response: Response, keep_alive: bool, with_body: bool) -> bytes:
    """The whole answer. with_body: False for a HEAD request, whose answer has the length only."""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Date: {_date(time.gmtime())}",
        f"Content-Length: {len(response.body)}",
        *[f"{name}: {value}" for name, value in response.headers if name != "Connection"],
    ]
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + response.body if with_body else head


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _date(t: time.struct_time) -> str:
    """As RFC 9110 has it. Not by strftime, which writes names in the language of the app."""
    return (
        f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year} "
        f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
    )
