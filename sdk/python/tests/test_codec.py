"""JSON with and without orjson, and the cycle collector during a parse."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kafka_sidecar import _codec


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", 2**64),
        (b"-9223372036854775809", -(2**63) - 1),
        (b'{"a":[123456789012345678901234567890]}', {"a": [123456789012345678901234567890]}),
        (b"1.5", 1.5),
        (b'"\\ud800"', "\ud800"),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b" [ ] \n", []),
        (b"1e400", float("inf")),
    ],
)
def test_same_with_both(text: bytes, want: Any, codec: str) -> None:
    for form in (bytes, bytearray, memoryview):
        got = _codec.loads(form(text))
        assert (got, type(got)) == (want, type(want))


NOT_JSON = [b"", b"NaN", b"[Infinity]", b"-Infinity", b"\xff", b"1 2", b"{'a':1}", b"[" * 100_000, b"[\0]"]
NOT_JSON += ["1".encode(encoding) for encoding in ("utf-8-sig", "utf-16", "utf-32")]


@pytest.mark.parametrize("text", NOT_JSON, ids=lambda text: repr(text[:9]))
def test_refused_by_both(text: bytes, codec: str) -> None:
    for loads in (_codec.loads, _codec.loads_body):
        with pytest.raises(ValueError, match=r"."):
            loads(text)


def test_long_numbers_are_found_wherever_they_stand() -> None:
    for before in range(20):
        for digits in range(40):
            text = b"x" * before + b"9" * digits + b'"'
            for form in (bytes, bytearray, memoryview):
                assert _codec.has_long_number(form(text)) is (digits >= 19)


def test_orjson_is_used() -> None:
    assert _codec.fast_loads is not None, "install requirements-dev.txt"


def test_collector_is_held_off_during_a_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(_codec, "fast_loads", lambda body: seen.append(gc.isenabled()))
    gc.enable()
    _codec.loads_body(b"{}")
    assert seen == [False]
    assert gc.isenabled()


def test_collector_is_restored_after_an_error(codec: str) -> None:
    gc.enable()
    with pytest.raises(ValueError, match=r"."):
        _codec.loads_body(b"{")
    assert gc.isenabled()


def test_collector_that_is_off_stays_off(codec: str) -> None:
    gc.disable()
    _codec.loads_body(b"{}")
    assert not gc.isenabled()


def test_nested_pauses() -> None:
    gc.enable()
    with _codec.collector_paused():
        with _codec.collector_paused():
            pass
        assert not gc.isenabled(), "the outer pause goes on"
    assert gc.isenabled()


def test_pauses_that_overlap() -> None:
    """The one that began first ends first; the other must not have its pause ended, nor leave the collector off."""
    gc.enable()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    seen: list[bool] = []

    def first() -> None:
        with _codec.collector_paused():
            first_in.set()
            second_in.wait(30)
        seen.append(gc.isenabled())
        first_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(30)
    with _codec.collector_paused():
        second_in.set()
        first_out.wait(30)
    thread.join(30)
    assert seen == [False]
    assert gc.isenabled()
