"""The heads of requests: what is taken, what is refused, and garbage."""

from __future__ import annotations

import email.utils
import random
import time

import pytest

from kafka_sidecar._answers import Response
from kafka_sidecar._head import BadHead, _date, answer_of, parse_head

GOOD = b"POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2"


def test_head_of_the_sidecar() -> None:
    head = parse_head(b"POST /batches?a=b HTTP/1.1\r\nHost: app:8080\r\nX-Empty:\r\nAUTHORIZATION:\tBearer  a b \t")
    assert head.method == "POST"
    assert head.headers == [("host", "app:8080"), ("x-empty", ""), ("authorization", "Bearer  a b")]
    assert (head.keep_alive, head.expects_continue) == (True, False)


def test_bytes_beyond_ascii_are_latin_1() -> None:
    assert parse_head(b"GET /\xfc HTTP/1.1\r\nA: \xe9").headers == [("a", "é")]


def test_names_that_repeat() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nA: 1\r\na: 2\r\nB: 3").values("a") == ["1", "2"]


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1", True),
        (b"GET / HTTP/1.2", True),
        (b"GET / HTTP/1.0", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive", False),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive", True),
        (b"GET / HTTP/1.1\r\nConnection: x , Close", False),
        (b"GET / HTTP/1.1\r\nConnection: close\r\nConnection: x", False),
        (b"GET / HTTP/1.1\r\nConnection: closed", True),
    ],
)
def test_connections_that_end(head: bytes, keep_alive: bool) -> None:
    assert parse_head(head).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("head", "expects"),
    [
        (b"POST / HTTP/1.1\r\nExpect: 100-Continue", True),
        (b"POST / HTTP/1.0\r\nExpect: 100-continue", False),
        (b"POST / HTTP/1.1\r\nExpect: x", False),
    ],
)
def test_clients_that_wait_to_be_told_to_go_on(head: bytes, expects: bool) -> None:
    assert parse_head(head).expects_continue is expects


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b" GET / HTTP/1.1", 400),
        (b"G(T / HTTP/1.1", 400),
        (b"GET / HTTP/1", 400),
        (b"GET / http/1.1", 400),
        (b"GET / HTTP/1.1\nA: b", 400),
        (b"GET / HTTP/1.10", 400),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/0.9", 505),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"GET / HTTP/1.1\r\n: no name", 400),
        (b"GET / HTTP/1.1\r\nA : b", 400),
        (b"GET / HTTP/1.1\r\n A: b", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nA: b\nContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nA: b\rContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nA: \0", 400),
        (b"GET / HTTP/1.1\r\nA\xe9: b", 400),
    ],
)
def test_heads_that_are_refused(head: bytes, status: int) -> None:
    with pytest.raises(BadHead) as refused:
        parse_head(head)
    assert refused.value.status == status


def test_mutated_heads_are_refused_or_whole() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    taken = 0
    for _ in range(5000):
        raw = bytearray(GOOD)
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randrange(3)] = chance.choice(
                [b"\r", b"\n", b"\r\n", b" ", b":", b"\0", b"\xff", b"x"]
            )
        try:
            head = parse_head(bytes(raw))
        except BadHead:
            continue
        taken += 1
        assert raw.count(b"\r\n") == len(head.headers)
        for text in (head.method, *(part for pair in head.headers for part in pair)):
            assert not set(text) & set("\r\n\0")
            assert text == text.strip()
    assert taken, "some mutations change nothing that matters"


def test_answer() -> None:
    response = Response(503, (("Retry-After", "1"), ("Connection", "close")), b"busy\n")
    lines = answer_of(response, keep_alive=True, with_body=True).decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 503 Service Unavailable"
    assert sorted(lines[2:4]) == ["Content-Length: 5", "Retry-After: 1"], "the connection is not the response's to end"
    assert lines[4:] == ["", "busy\n"]
    last = answer_of(response, keep_alive=False, with_body=False)
    assert last.endswith(b"\r\nConnection: close\r\n\r\n")


def test_date() -> None:
    for at in (0, 951827696, time.time()):
        assert _date(time.gmtime(at)) == email.utils.formatdate(at, usegmt=True)
