"""A server for an app that has none: one thread per connection, over TCP or a unix socket."""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from types import FrameType, TracebackType
from typing import Any, Callable

from ._connection import Connection
from ._exchange import MAX_BODY, Exchange
from ._handler import Handler
from ._listen import identity_of, listen_tcp, listen_unix, remove_unix

log = logging.getLogger("kafka_sidecar")

READING_GRACE = 1.0
"""Seconds that a stop waits for requests which are still being received."""


def serve(
    handler: Handler,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    unix: str | None = None,
    unix_mode: int = 0o660,
    token: str | None = None,
    signing_secrets: Sequence[str] = (),
    max_body: int = MAX_BODY,
) -> None:
    """Call handler with the batches that the sidecar posts, until SIGTERM or SIGINT.

    Then it stops gracefully: no new connections, idle ones are closed, requests in progress end and are answered; a second
    signal has its previous effect. A handler that calls sys.exit stops it like this too, with that exit status.
    In another thread than the main one no signals are handled: use Server there, which can be stopped.

    port: of TCP on host; 0 for any free one. Or unix: the path of a socket file, with the permissions unix_mode (0o660).
    token: what the sidecar has as app.token; None takes requests without one.
    signing_secrets: `whsec_…`; requests must be signed with one of them. None given: signatures are not looked at.
    max_body: bytes of a body (64 MiB); a larger batch is halved by the sidecar.

    handler is called in several threads at once, never for the same partition. An address that is in use exits the
    process with one line that says so; in another thread than the main one that is an OSError.
    """
    server = Server(
        handler,
        port=port,
        host=host,
        unix=unix,
        unix_mode=unix_mode,
        token=token,
        signing_secrets=signing_secrets,
        max_body=max_body,
    )
    with _StopSign() as sign:
        server.on_exit = sign.give
        _start(server)
        sign.wait()
        server.stop()
    if server.exit is not None:
        raise SystemExit(server.exit.code)


def _start(server: Server) -> None:
    try:
        server.start()
    except OSError as error:
        if threading.current_thread() is not threading.main_thread():
            raise  # a thread drops a SystemExit in silence
        raise SystemExit(f"kafka_sidecar: {error.strerror}") from None


class _Stage(Enum):
    IDLE = "waits for a request"
    READING = "receives a request"
    ANSWERING = "calls the handler or sends the answer"


class Server:
    """`serve` as an object, for tests and for apps that do other things as well.

        with Server(handle, port=0) as server:
            print(server.port)

    The options are those of `serve`. Thread-safe.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        unix: str | None = None,
        unix_mode: int = 0o660,
        token: str | None = None,
        signing_secrets: Sequence[str] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        if (port is None) == (unix is None):
            raise ValueError("give either port or unix")
        self._exchange = Exchange(handler, token=token, signing_secrets=signing_secrets, max_body=max_body)
        self._port = port
        self._host = host
        self._unix = unix
        self._unix_mode = unix_mode
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        # The condition guards stages and stopping; while it stops, it is notified when a connection changes its stage or ends.
        self._changed = threading.Condition()
        self._stages: dict[Connection, _Stage] = {}
        self._stopping = False
        self.on_exit: Callable[[], None] = lambda: None
        """Called, in some thread, when a handler has called sys.exit."""

    @property
    def port(self) -> int:
        """The port that it listens on; RuntimeError with a unix socket or before `start`."""
        if self._listener is None or self._unix is not None:
            raise RuntimeError("the server does not listen on a port")
        return self._bound_port

    @property
    def exit(self) -> SystemExit | None:
        """What a handler raised that called sys.exit; it is answered 500, and stopping is left to the caller."""
        return self._exchange.exit

    def start(self) -> None:
        """Listen, and answer in threads. OSError with one line that says what to do if it can't listen."""
        if self._listener is not None:
            raise RuntimeError("the server was started before")
        if self._unix is not None:
            self._listener = listen_unix(self._unix, self._unix_mode)
            self._socket_file = identity_of(self._unix)
            place = f"unix:{self._unix}"
        else:
            self._listener = listen_tcp(self._host, self._port or 0)
            self._bound_port: int = self._listener.getsockname()[1]
            place = f"{self._host}:{self._bound_port}"
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener,), name="kafka-sidecar", daemon=True
        )
        self._acceptor.start()
        log.info("listening on %s", place)

    def stop(self) -> None:
        """Stop gracefully; blocks until the last handler has ended and is answered. Not to be called by a handler.

        It may be called twice, and before `start`.
        """
        self._exchange.stop()
        with self._changed:
            first, self._stopping = not self._stopping, True
        if first and self._listener is not None:
            self._close_listener(self._listener)
            self._interrupt_all(_Stage.IDLE, socket.SHUT_RD)  # a request that has come in is read yet
            self._wait_until(lambda: _Stage.READING not in self._stages.values(), READING_GRACE)
            self._interrupt_all(_Stage.READING, socket.SHUT_RDWR)
        self._wait_until(lambda: not self._stages)
        if first:
            log.info("stopped")

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # What connections say of themselves, each in its thread: see Stages.

    def idle(self, connection: Connection) -> bool:
        return self._enter(connection, _Stage.IDLE)

    def reading(self, connection: Connection) -> None:
        self._enter(connection, _Stage.READING)

    def answering(self, connection: Connection) -> None:
        self._enter(connection, _Stage.ANSWERING)

    def answered(self, connection: Connection) -> bool:
        if self._exchange.exit is not None:
            self.on_exit()
        return self._enter(connection, _Stage.ANSWERING)

    def _enter(self, connection: Connection, stage: _Stage) -> bool:
        """False if the server stops; then no connection becomes idle."""
        with self._changed:
            if not (self._stopping and stage is _Stage.IDLE):
                self._stages[connection] = stage
            if self._stopping:
                self._changed.notify_all()
            return not self._stopping

    def _interrupt_all(self, stage: _Stage, how: int) -> None:
        with self._changed:
            for connection, at in self._stages.items():
                if at is stage:
                    connection.interrupt(how)

    def _wait_until(self, condition: Callable[[], bool], seconds: float | None = None) -> None:
        with self._changed:
            if seconds is not None:
                self._changed.wait_for(condition, seconds)
                return
            # In slices: where another thread is given a signal, the main thread sees it only when it wakes up.
            while not self._changed.wait_for(condition, 1):
                pass

    def _accept(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while self._wake_reader not in [key.fileobj for key, _ in selector.select()]:
                try:
                    self._begin(listener.accept()[0])
                except BlockingIOError:
                    continue  # the client is gone already
                except (OSError, RuntimeError) as error:
                    # Out of file descriptors or threads: others must end first.
                    log.warning("can't take a connection: %s", error)
                    selector.unregister(listener)
                    selector.select(0.1)
                    selector.register(listener, selectors.EVENT_READ)

    def _begin(self, sock: socket.socket) -> None:
        if self._unix is None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(sock, self._exchange, self)
        self._enter(connection, _Stage.IDLE)
        try:
            threading.Thread(target=self._run, args=(connection,), name="kafka-sidecar", daemon=True).start()
        except RuntimeError:
            self._ended(connection)
            sock.close()
            raise

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        except Exception:
            log.exception("a connection ended by an error of this library")
        finally:
            self._ended(connection)

    def _ended(self, connection: Connection) -> None:
        with self._changed:
            self._stages.pop(connection, None)
            self._changed.notify_all()

    def _close_listener(self, listener: socket.socket) -> None:
        self._wake_writer.send(b"x")
        if self._acceptor is not None:
            self._acceptor.join()
        listener.close()
        self._wake_reader.close()
        self._wake_writer.close()
        if self._unix is not None:
            remove_unix(self._unix, self._socket_file)


class _StopSign:
    """Waits for the first SIGTERM or SIGINT, or for another thread; a second signal has its previous effect.

    Only the main thread can handle signals, and it may not be the one that is given them: it waits for a socket that Python
    writes to in whatever thread that is.
    """

    def __init__(self) -> None:
        self._given = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_wakeup = -1

    def give(self) -> None:
        self._given = True
        with suppress(BlockingIOError):  # full: the reader wakes up anyway
            self._writer.send(b"x")

    def wait(self) -> None:
        while not self._given:
            self._reader.recv(1)  # also woken by signals that the app handles

    def __enter__(self) -> _StopSign:
        if threading.current_thread() is threading.main_thread():
            self._previous_wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore_handlers()
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._previous_wakeup)
        self._reader.close()
        self._writer.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._restore_handlers()
        self.give()

    def _restore_handlers(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous = {}
