"""What a body that is no batch raises, and the checks that both body formats share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import lt
from typing import Any

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1


class MalformedBatch(ValueError):
    """A body that is no batch of protocol version 1. The message says where and why, without content of records."""


def field(container: Any, name: str, kind: type, where: str) -> Any:
    """The field of a JSON object, which must be there and of that type."""
    if type(container) is not dict:
        raise MalformedBatch(f"{where} is {kind_of(container)}: it must be an object")
    if name not in container:
        raise MalformedBatch(f"{where} has no {name}")
    value = container[name]
    if type(value) is not kind:
        raise MalformedBatch(f"{where}: {name} is {kind_of(value)}: it must be {_KINDS[kind]}")
    return value


def integer(container: Any, name: str, low: int, high: int, where: str) -> int:
    """The field of a JSON object, which must be an integer from low to high."""
    value: int = field(container, name, int, where)
    if not low <= value <= high:
        raise MalformedBatch(f"{where}: {name} is {value}: it must be from {low} to {high}")
    return value


def kind_of(value: Any) -> str:
    return _KINDS.get(type(value), "null")


_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "an integer",
    float: "a number that is no 64 bit integer",
    bool: "a boolean",
}


def check_offsets(offsets: Sequence[int], from_offset: int, until_offset: int, where: str) -> None:
    """Offsets must ascend and lie in their range; there must be at least one."""
    if not offsets:
        raise MalformedBatch(f"{where} has no records")
    offsets = list(offsets)  # an array would make each number anew
    if not all(map(lt, offsets, islice(offsets, 1, None))):
        raise MalformedBatch(f"{where}: the offsets do not ascend")
    if not from_offset <= offsets[0] <= offsets[-1] < until_offset:
        raise MalformedBatch(
            f"{where}: offsets {offsets[0]} to {offsets[-1]} are not within {from_offset} to {until_offset - 1}"
        )
