"""JSON to Python objects, with the same outcome whether orjson is installed or not.

orjson is only taken where it agrees with the standard library. What it refuses is tried again there: escaped halves of
surrogates, for example, are valid JSON. Integers beyond 64 bits, which it makes floats, are left to the standard library.
"""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, NoReturn, Union

Buffer = Union[bytes, bytearray, memoryview]

fast_loads: Callable[[Buffer], Any] | None
try:
    from orjson import loads as fast_loads
except ImportError:
    fast_loads = None

_DIGITS_TO_ZERO = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
_LONG_NUMBER = b"0" * 19  # 2**63 has 19 digits
_SAMPLED, _STEP = b"0" * 3, 6  # of 19 bytes in a row at least 3 are among those that are looked at with that step


def loads(value: Buffer) -> Any:
    """The JSON text in value, which must be UTF-8. ValueError if it is not JSON."""
    if fast_loads is not None and not has_long_number(value):
        try:
            return fast_loads(value)
        except ValueError:
            pass
    return _exact_loads(value)


def loads_body(body: Buffer) -> Any:
    """A whole body; integers beyond 64 bits may have become floats: see has_long_number. ValueError if it is not JSON."""
    with collector_paused():
        if fast_loads is not None:
            try:
                return fast_loads(body)
            except ValueError:
                pass
        return _exact_loads(body)


def has_long_number(text: Buffer) -> bool:
    """Whether there are so many digits in a row that they may be an integer beyond 64 bits."""
    content = text if type(text) is bytes else bytes(text)
    # A look at every sixth byte is enough for most texts. find: it takes less time than `in`.
    return (
        content[::_STEP].translate(_DIGITS_TO_ZERO).find(_SAMPLED) >= 0
        and content.translate(_DIGITS_TO_ZERO).find(_LONG_NUMBER) >= 0
    )


def _exact_loads(text: Buffer) -> Any:
    # As json.loads does it, without the decoder that it would make for each text, and two regular expressions.
    stripped = str(text, "utf-8").strip(" \t\n\r")
    try:
        value, end = _decoder.raw_decode(stripped)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if end < len(stripped):
        raise ValueError("there is more behind the JSON text")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)

_pause_lock = threading.Lock()
_pauses = 0
_was_enabled = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """Hold the cycle collector off: a parse makes many objects and no cycle, yet each some hundred start a collection.

    The last of several pauses at once restores what the first one found.
    """
    global _pauses, _was_enabled
    with _pause_lock:
        if _pauses == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _pause_lock:
            _pauses -= 1
            if _pauses == 0 and _was_enabled:
                gc.enable()
