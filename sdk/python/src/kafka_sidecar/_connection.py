"""One connection of the sidecar: requests are read, answered, and read on."""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import suppress
from typing import Protocol

from ._answers import Response, say
from ._exchange import Body, Exchange, Unread
from ._head import HEAD_END, MAX_HEAD, BadHead, RequestHead, answer_of, parse_head

log = logging.getLogger("kafka_sidecar")

STALL = 30.0
"""Seconds that a request under way, or the reading of its answer, may stand still before its connection is dropped."""

_LOOK = 4096
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


class Connection:
    """Lives in a thread of its own from `run` until the connection ends."""

    def __init__(self, sock: socket.socket, exchange: Exchange, stages: Stages) -> None:
        self._sock = sock
        self._exchange = exchange
        self._stages = stages

    def run(self) -> None:
        """Answer requests until either side closes. Raises nothing but for an error in this library."""
        try:
            self._sock.settimeout(None)
            _limit_stalls(self._sock, STALL)
            while self._stages.idle(self) and self._answer_one():
                pass
        except OSError as error:  # the client is gone, or has stood still for too long
            log.debug("connection lost: %s", error)
        finally:
            self._sock.close()

    def interrupt(self, how: int) -> None:
        """End what the connection waits for: socket.SHUT_RD or SHUT_RDWR. Called from another thread."""
        with suppress(OSError):
            self._sock.shutdown(how)

    def _answer_one(self) -> bool:
        """False if the connection ends with this request, or the client has left before the end of it."""
        try:
            raw = self._read_head()
            if raw is None:
                return False
            head = parse_head(raw)
        except BadHead as bad:
            log.debug("connection: %s", bad)
            self._send(say(bad.status, str(bad)), keep_alive=False)
            self._linger()
            return False
        body = self._read_body(head)
        if body is None:
            return False
        self._stages.answering(self)
        response = self._exchange(head.headers, body, head.method)
        keep_alive = self._stages.answered(self) and head.keep_alive and body is not Unread.NO_LENGTH
        self._send(response, keep_alive, with_body=head.method != "HEAD")
        if body is Unread.NO_LENGTH:
            self._linger()
        return keep_alive

    def _read_head(self) -> bytes | None:
        """Without HEAD_END. None if the client was gone before that; BadHead if it is too long.

        What has come is looked at before it is taken, so that nothing of the body is: the body is then whole after one read.
        """
        head = bytearray()
        come = self._await_request()
        if come:
            self._stages.reading(self)
        while come:
            searched = max(0, len(head) - len(HEAD_END) + 1)
            end = (head[searched:] + come).find(HEAD_END)
            wanted = len(come) if end < 0 else searched + end + len(HEAD_END) - len(head)
            head += self._sock.recv(wanted, socket.MSG_WAITALL)
            if len(head) > MAX_HEAD:
                raise BadHead(431, f"the head has more than {MAX_HEAD} bytes")
            if end >= 0:
                return bytes(head[: -len(HEAD_END)])
            come = self._sock.recv(_LOOK, socket.MSG_PEEK)
        return None

    def _await_request(self) -> bytes:
        while True:
            try:
                return self._sock.recv(_LOOK, socket.MSG_PEEK)
            except BlockingIOError:
                pass  # STALL is not for a connection that is idle

    def _read_body(self, head: RequestHead) -> Body | Unread | None:
        """None if the client was gone before the end of the body."""
        lengths = head.values("content-length")
        chunked = bool(head.values("transfer-encoding"))
        if not lengths and not chunked and head.method != "POST":
            return b""
        if chunked or len(lengths) != 1 or not _is_number(lengths[0]):
            return Unread.NO_LENGTH
        if head.expects_continue:
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(lengths[0])
        if length > self._exchange.max_body:
            return Unread.TOO_LARGE if self._skip(length) else None
        return self._read(length)

    def _read(self, length: int) -> bytes | None:
        """That many bytes, most often by one call of the system; None if there are fewer."""
        pieces: list[bytes] = []
        while length:
            piece = self._sock.recv(length, socket.MSG_WAITALL)
            if not piece:
                return None
            pieces.append(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _skip(self, length: int) -> bool:
        """Read over that many bytes. False if there are fewer."""
        while length:
            skipped = len(self._sock.recv(min(length, _CHUNK)))
            if not skipped:
                return False
            length -= skipped
        return True

    def _send(self, response: Response, keep_alive: bool, with_body: bool = True) -> None:
        """In one write, so that it travels in one packet."""
        self._sock.sendall(answer_of(response, keep_alive, with_body))

    def _linger(self) -> None:
        """Read on a little before closing, or the client may lose the answer to what it is still sending."""
        self.interrupt(socket.SHUT_WR)
        _limit_stalls(self._sock, 1)
        while self._sock.recv(_CHUNK):
            pass


def _limit_stalls(sock: socket.socket, seconds: float) -> None:
    """Have reads and writes that stand still so long raise BlockingIOError.

    By the system: with a timeout of Python's each read is two calls, and none can wait for the whole of a body.
    """
    size = len(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)) // 2  # of a long, in C's struct timeval
    timeval = int(seconds).to_bytes(size, sys.byteorder) + int(seconds % 1 * 1e6).to_bytes(size, sys.byteorder)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, timeval)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
