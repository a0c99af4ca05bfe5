"""Server over real sockets: keep-alive, overlap, slow and broken clients, stopping, addresses."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kafka_sidecar import Batch, Server, _connection, _server, serve
from kafka_sidecar.testing import batch, encode, record
from support import (
    Gate,
    Got,
    Seen,
    UnixConnection,
    at,
    headers_of,
    in_thread,
    one_record,
    post,
    request_of,
    two_partitions,
    wait_until_refused,
)


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)


@contextmanager
def raw(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        yield sock


def head(request_line: str = "POST /batches HTTP/1.1", **headers: Any) -> bytes:
    lines = [request_line, *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def read_all(sock: socket.socket) -> bytes:
    """What comes until the server closes."""
    received = b""
    while chunk := sock.recv(65536):
        received += chunk
    return received


def test_one_connection_takes_many_requests() -> None:
    handler = Seen()
    with Server(handler, port=0) as server:
        connection = connect(server)
        for status in (200, 200, 200):
            assert post(connection, request_of(one_record()), keep=True).status == status
        sock = connection.sock
        assert post(connection, request_of(one_record(), Sidecar_Protocol="2"), keep=True).status == 501
        assert post(connection, request_of(one_record(), Content_Type="text/plain"), keep=True).status == 415
        assert post(connection, request_of(one_record()), keep=True).status == 200
        assert connection.sock is sock, "refusals keep the connection: the body was read"
        connection.close()
    assert len(handler.batches) == 4


def test_overlap_on_a_partition_is_busy() -> None:
    gate = Gate()
    with Server(gate, port=0) as server:
        with in_thread(lambda: post(connect(server), request_of(two_partitions()))) as first:
            assert gate.entered.wait(30)
            again = post(connect(server), request_of(batch([at(4, 7)], group="billing")))
            gate.open.set()
            other = [
                post(connect(server), request_of(batch([at(5, 7)], group="billing"))).status,
                post(connect(server), request_of(batch([at(4, 7)], group="another group"))).status,
            ]
        assert (again.status, again.headers["retry-after"]) == (503, "1")
        assert "orders/4" in again.text
        assert (first[0].status, other) == (200, [200, 200])
        assert post(connect(server), request_of(two_partitions())).status == 200
    assert gate.calls == 4


def test_client_that_is_gone_leaves_the_partition_busy() -> None:
    """The sidecar timed out and asks again: until the first handler has ended, it has to wait."""
    gate = Gate()
    with Server(gate, port=0) as server:
        impatient = connect(server)
        impatient.request("POST", "/", encode(one_record()), headers_of(one_record()))
        assert gate.entered.wait(30)
        impatient.close()
        assert post(connect(server), request_of(one_record())).status == 503
        gate.open.set()
        while (got := post(connect(server), request_of(one_record()))).status == 503:
            pass
        assert got.status == 200


def test_body_that_comes_slowly() -> None:
    sent = one_record()
    body = encode(sent)
    handler = Seen()
    with Server(handler, port=0) as server, raw(server) as sock:
        message = head(Content_Length=len(body), **headers_of(sent)) + body
        for i in range(0, len(message), 7):
            sock.sendall(message[i : i + 7])
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock).startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(handler.batches) == 1


def test_clients_that_stand_still_hold_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "READING_GRACE", 0.05)
    body = encode(one_record())
    starts = [b"", b"POST /batches", head(Content_Length=9)[:-2], head(Content_Length=len(body)) + body[:-1]]
    with Server(Seen(), port=0) as server:
        sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in starts]
        for sock, start in zip(sockets, starts):
            sock.sendall(start)
        assert post(connect(server), request_of(one_record())).status == 200
        with in_thread(server.stop):
            assert [read_all(sock) for sock in sockets] == [b""] * 4
        for sock in sockets:
            sock.close()


def test_request_that_stands_still_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, "STALL", 0.05)
    handler = Seen()
    with Server(handler, port=0) as server, raw(server) as sock:
        sock.sendall(head(Content_Length=100, **headers_of(one_record())) + b"{")
        assert read_all(sock) == b""
    assert handler.batches == []


@pytest.mark.parametrize("cut", [1, 10])
def test_body_that_is_cut_gets_no_answer(cut: int) -> None:
    sent = one_record()
    body = encode(sent)
    handler = Seen()
    with Server(handler, port=0) as server, raw(server) as sock:
        sock.sendall(head(Content_Length=len(body), **headers_of(sent)) + body[:-cut])
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b""
    assert handler.batches == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Transfer_Encoding": "chunked"},
        {"Content_Length": "x"},
        {"Content_Length": "-1"},
        {"Content_Length": "+2"},
        {"Content_Length": "²"},
        {"Content_Length": "9" * 30},
        {"Content_Length": "2\r\nContent-Length: 3"},
        {"Content_Length": "2", "Transfer_Encoding": "chunked"},
    ],
    ids=str,
)
def test_request_without_a_length(headers: dict[str, str]) -> None:
    handler = Seen()
    with Server(handler, port=0) as server, raw(server) as sock:
        sock.sendall(head(**headers_of(one_record()), **headers) + b"2\r\n{}\r\n0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 411 Length Required\r\n")
    assert b"\r\nConnection: close\r\n" in answer
    assert handler.batches == []


@pytest.mark.parametrize(
    ("line", "status"),
    [("nonsense", 400), ("POST /", 400), ("POST / HTTP/9.9", 505), ("POST / HTTP/x", 400), ("x" * 70_000, 431)],
    ids=lambda value: str(value)[:20],
)
def test_broken_http_is_no_batch(line: str, status: int) -> None:
    handler = Seen()
    with Server(handler, port=0) as server:
        with raw(server) as sock:
            sock.sendall(head(line, Content_Length=2) + b"{}")
            sock.shutdown(socket.SHUT_WR)
            answer = read_all(sock)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"\r\nConnection: close\r\n" in answer
        assert post(connect(server), request_of(one_record())).status == 200
    assert len(handler.batches) == 1


def test_requests_that_come_at_once_are_answered_in_turn() -> None:
    body = encode(one_record())
    message = head(Content_Length=len(body), **headers_of(one_record())) + body
    probe = head("GET / HTTP/1.1")
    last = head("GET / HTTP/1.1", Connection="close")
    handler = Seen()
    with Server(handler, port=0) as server, raw(server) as sock:
        sock.sendall(message + probe + message + last)
        answers = read_all(sock)
    assert [answer[:3] for answer in answers.split(b"HTTP/1.1 ")] == [b"", b"200", b"200", b"200", b"200"]
    assert len(handler.batches) == 2


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
def test_head_of_the_largest_size(over: int, status: int) -> None:
    body = encode(one_record())
    short = head(Content_Length=len(body), X="", **headers_of(one_record()))
    long = head(Content_Length=len(body), X="x" * (65536 - len(short) + over), **headers_of(one_record()))
    with Server(Seen(), port=0) as server, raw(server) as sock:
        sock.sendall(long + body)
        assert sock.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_answer_to_head_has_no_body() -> None:
    with Server(Seen(), port=0, token="secret") as server, raw(server) as sock:
        sock.sendall(head("HEAD / HTTP/1.1") + head("HEAD / HTTP/1.1", Connection="close"))
        answers = read_all(sock)
    assert answers.count(b"HTTP/1.1 401 Unauthorized\r\n") == 2
    assert answers.count(b"\r\n\r\nHTTP/1.1 401 ") == 1
    assert answers.endswith(b"\r\n\r\n")


def test_connection_of_an_old_client_is_closed_with_the_answer() -> None:
    with Server(Seen(), port=0) as server, raw(server) as sock:
        sock.sendall(head("GET / HTTP/1.0"))
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_idle_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, "STALL", 0.05)
    with Server(Seen(), port=0) as server:
        connection = connect(server)
        assert post(connection, request_of(one_record()), keep=True).status == 200
        sock = connection.sock
        time.sleep(0.2)
        assert post(connection, request_of(one_record()), keep=True).status == 200
        assert connection.sock is sock
        connection.close()


def test_answer_that_is_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, "STALL", 0.05)
    probes = head("GET / HTTP/1.1") * 1000
    with Server(Seen(), port=0) as server, raw(server) as sock:
        sock.settimeout(30)
        with pytest.raises(ConnectionError):
            while True:
                sock.sendall(probes)


def test_curl_waits_to_be_told_to_go_on() -> None:
    body = encode(one_record())
    with Server(Seen(), port=0) as server, raw(server) as sock:
        sock.sendall(head(Content_Length=len(body), Expect="100-continue", **headers_of(one_record())))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_body_of_64_mib_is_the_limit() -> None:
    limit = 64 << 20
    sent = batch([record("x" * (limit - len(encode(batch([record()])))))])
    request = request_of(sent)
    assert len(request.body) == limit
    handler = Seen(lambda taken: None)
    with Server(handler, port=0) as server:
        connection = connect(server)
        assert post(connection, request, keep=True).status == 200
        assert post(connection, request._replace(body=request.body + b" "), keep=True).status == 413
        assert post(connection, request_of(one_record())).status == 200
    assert len(handler.batches) == 2


def test_stop_lets_a_request_in_progress_end() -> None:
    gate = Gate()
    server = Server(gate, port=0)
    server.start()
    idle = connect(server)
    idle.connect()
    kept = connect(server)
    assert post(kept, request_of(one_record(), Sidecar_Protocol="2"), keep=True).status == 501
    port = server.port
    with in_thread(lambda: post(connect(server), request_of(two_partitions()))) as answered:
        assert gate.entered.wait(30)
        with in_thread(server.stop), in_thread(server.stop):
            assert read_all(idle.sock) == b"", "an idle connection is closed at once"
            assert read_all(kept.sock) == b""
            wait_until_refused(port)
            gate.open.set()
    assert (answered[0].status, answered[0].headers["connection"]) == (200, "close")
    idle.close()
    kept.close()
    server.stop()


def test_request_that_is_being_received_at_the_stop_is_answered_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "READING_GRACE", 30.0)
    handler = Seen()
    server = Server(handler, port=0)
    server.start()
    body = encode(one_record())
    with raw(server) as sock:
        sock.sendall(head(Content_Length=len(body), Expect="100-continue", **headers_of(one_record())))
        assert sock.recv(100).startswith(b"HTTP/1.1 100"), "the server reads the body now"
        with in_thread(server.stop):
            wait_until_refused(server.port)
            sock.sendall(body)
            answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert handler.batches == []


def test_probe_while_stopping() -> None:
    gate = Gate()
    server = Server(gate, port=0)
    server._exchange.stop()
    server.start()
    got: Got = post(connect(server), request_of(one_record())._replace(method="GET", body=b""))
    assert got.status == 503
    server.stop()


def test_stop_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Server(Seen(), port=0) as server:
        connection = connect(server)
        post(connection, request_of(one_record()), keep=True)
    connection.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
    assert set(threading.enumerate()) == before


def test_server_that_was_not_started() -> None:
    server = Server(Seen(), port=0)
    with pytest.raises(RuntimeError):
        _ = server.port
    server.stop()
    server.stop()


def test_server_starts_once() -> None:
    with Server(Seen(), port=0) as server, pytest.raises(RuntimeError, match="started before"):
        server.start()


def test_sys_exit_of_a_handler_is_known_to_the_owner_of_a_server() -> None:
    with Server(Seen(SystemExit(3)), port=0) as server:
        assert server.exit is None
        assert post(connect(server), request_of(one_record())).status == 500
        assert server.exit is not None
        assert server.exit.code == 3


@pytest.mark.parametrize("arguments", [{}, {"port": 1, "unix": "x"}])
def test_one_address(arguments: Any) -> None:
    with pytest.raises(ValueError, match="either port or unix"):
        Server(Seen(), **arguments)


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_that_is_none(port: int) -> None:
    with pytest.raises(ValueError, match=f"port is {port}"):
        Server(Seen(), port=port).start()


def test_port_in_use() -> None:
    with Server(Seen(), port=0) as server:
        with pytest.raises(OSError, match=f"127.0.0.1:{server.port} is in use: stop"):
            Server(Seen(), port=server.port).start()
        with pytest.raises(SystemExit, match=rf"^kafka_sidecar: 127\.0\.0\.1:{server.port} is in use: [^\n]+$"):
            serve(Seen(), port=server.port)


def test_address_of_another_host() -> None:
    with pytest.raises(SystemExit, match=r"can't listen on 192\.0\.2\.1:0: "):
        serve(Seen(), port=0, host="192.0.2.1")


def test_port_in_use_in_a_thread_raises() -> None:
    def run() -> Any:
        try:
            return serve(Seen(), port=server.port)
        except OSError as error:
            return error.strerror

    with Server(Seen(), port=0) as server, in_thread(run) as results:
        pass
    assert "is in use" in results[0]


def test_ipv6() -> None:
    with Server(Seen(), port=0, host="::1") as server:
        got = post(http.client.HTTPConnection("::1", server.port, timeout=30), request_of(one_record()))
    assert got.status == 200


def test_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    for mode in (0o660, 0o600):
        with Server(Seen(), unix=str(path), unix_mode=mode) as server:
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert post(UnixConnection(str(path)), request_of(one_record())).status == 200
            with pytest.raises(RuntimeError):
                _ = server.port
        assert not path.exists()


def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
        left.listen()
    assert path.exists()
    with Server(Seen(), unix=str(path)):
        assert post(UnixConnection(str(path)), request_of(one_record())).status == 200


def test_unix_socket_in_use(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with Server(Seen(), unix=path):
        with pytest.raises(OSError, match=f"unix:{path} is in use"):
            Server(Seen(), unix=path).start()
        assert post(UnixConnection(path), request_of(one_record())).status == 200


def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    path.write_text("precious")
    with pytest.raises(SystemExit, match="a file that is no socket"):
        serve(Seen(), unix=str(path))
    assert path.read_text() == "precious"


def test_socket_file_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    first = Server(Seen(), unix=str(path))
    first.start()
    os.unlink(path)
    with Server(Seen(), unix=str(path)):
        first.stop()
        assert post(UnixConnection(str(path)), request_of(one_record())).status == 200


@pytest.mark.parametrize("path", ["missing/app.sock", "x" * 200])
def test_unix_path_that_does_not_work(tmp_path: Path, path: str) -> None:
    with pytest.raises(SystemExit, match="can't listen on unix:"):
        serve(Seen(), unix=str(tmp_path / path))


def test_batch_is_usable_after_the_answer() -> None:
    """Records that a handler keeps are whole, whatever the connection does next."""
    kept: list[Batch] = []
    with Server(kept.append, port=0) as server:
        connection = connect(server)
        for i in range(3):
            post(connection, request_of(batch([record(f"value {i}")])), keep=True)
        connection.close()
    assert [b.records[0].value for b in kept] == [b"value 0", b"value 1", b"value 2"]
