"""One connection of the sidecar: requests are read, answered, and read on."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from ._answers import Response
from ._exchange import Body, Exchange, Unread

log = logging.getLogger("kafka_sidecar")

STALL = 30.0
"""Seconds that a request under way, or the reading of its answer, may stand still before its connection is dropped."""

_MAX_LINE = 65536
_CHUNK = 65536


class Stages(Protocol):
    """Where a connection says what it is at, so that its server can stop."""

    def idle(self, connection: Connection) -> bool:
        """It waits for a request. False if it must not: the server stops."""

    def reading(self, connection: Connection) -> None:
        """A request has begun."""

    def answering(self, connection: Connection) -> None:
        """A request was read."""

    def answered(self, connection: Connection) -> bool:
        """An answer is about to be sent. False if the connection ends with it: the server stops."""


class Connection(BaseHTTPRequestHandler):
    """Lives in a thread of its own from `run` until the connection ends."""

    protocol_version = "HTTP/1.1"
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def __init__(self, connection: socket.socket, exchange: Exchange, stages: Stages) -> None:
        # The base class would read and answer in its constructor.
        self.request = connection
        self.client_address = ("", 0)
        self.exchange = exchange
        self.stages = stages

    def run(self) -> None:
        """Answer requests until either side closes. Raises nothing but for an error in this library."""
        try:
            self.setup()
            self.close_connection = False
            while not self.close_connection and self.stages.idle(self):
                self.handle_one_request()
        except OSError as error:  # the client is gone, or has stood still for too long
            log.debug("connection lost: %s", error)
        finally:
            with suppress(OSError):
                self.finish()
            self.request.close()

    def interrupt(self, how: int) -> None:
        """End what the connection waits for: socket.SHUT_RD or SHUT_RDWR. Called from another thread."""
        with suppress(OSError):
            self.request.shutdown(how)

    def handle_one_request(self) -> None:
        self.request.settimeout(None)
        self.raw_requestline = self.rfile.readline(_MAX_LINE)
        if not self.raw_requestline.endswith(b"\n"):
            self.close_connection = True
            return
        self.stages.reading(self)
        self.request.settimeout(STALL)
        if not self.parse_request():
            self.close_connection = True
            return
        body = self._read_body()
        if body is None:
            self.close_connection = True
            return
        self.stages.answering(self)
        self._answer(self.exchange(self.headers.items(), body, self.command))
        if body is Unread.NO_LENGTH:
            self._linger()

    def _read_body(self) -> Body | Unread | None:
        """None if the client was gone before the end of the body."""
        lengths = self.headers.get_all("Content-Length", [])
        chunked = "Transfer-Encoding" in self.headers
        if not lengths and not chunked and self.command != "POST":
            return b""
        if chunked or len(lengths) != 1 or not _is_number(lengths[0]):
            self.close_connection = True
            return Unread.NO_LENGTH
        length = int(lengths[0])
        if length > self.exchange.max_body:
            return Unread.TOO_LARGE if self._read(bytearray(_CHUNK), length) else None
        body = bytearray(length)
        return body if self._read(body, length) else None

    def _read(self, buffer: bytearray, length: int) -> bool:
        """Read that many bytes; a buffer that is shorter is overwritten. False if there are fewer."""
        view = memoryview(buffer)
        at = 0
        while length:
            read = self.rfile.readinto(view[at : at + length])
            if not read:
                return False
            length -= read
            at = (at + read) % len(buffer)
        return True

    def _answer(self, response: Response) -> None:
        """In one write, so that it travels in one packet."""
        if not self.stages.answered(self):
            self.close_connection = True
        lines = [
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
            f"Date: {self.date_time_string()}",
            f"Content-Length: {len(response.body)}",
            *(f"{name}: {value}" for name, value in response.headers if name != "Connection"),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + response.body)

    def _linger(self) -> None:
        """Read on a little before closing, or the client may lose the answer to what it is still sending."""
        self.interrupt(socket.SHUT_WR)
        self.request.settimeout(1)
        while self.rfile.read(_CHUNK):
            pass

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 as in the base class
        log.debug("connection: " + format, *args)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
