"""The handler that both sides call for each record, and the marks that bench reads (see marks.go)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

if sys.argv[-1] == "json":
    sys.modules["orjson"] = None  # type: ignore[assignment]  # nor may the library find it, for the bodies


def parser(mode: str) -> Callable[[bytes], Any] | None:
    """What turns a value into an object: the standard library's json, orjson, or none."""
    if mode == "orjson":
        import orjson

        return orjson.loads
    return json.loads if mode == "json" else None


class Handler:
    """Adds up the orders. Not thread-safe: one lane calls it."""

    def __init__(self, mode: str, expect: int) -> None:
        self._parse = parser(mode)
        self._expect = expect
        self._seen = 0
        self.total = 0.0

    def handle(self, values: list[bytes]) -> None:
        """One batch of values as bytes: what a handler does with records, then what the bench needs to know."""
        if self._parse is None:
            for value in values:
                self.total += len(value)
        else:
            parse = self._parse
            for value in values:
                self.total += parse(value)["total"]
        self._count(len(values))

    def handle_objects(self, objects: Iterable[Any], n: int) -> None:
        """The same for n values that the library parses."""
        for order in objects:
            self.total += order["total"]
        self._count(n)

    def _count(self, n: int) -> None:
        before = self._seen
        self._seen += n
        for name, at in (("first", 1), ("half", self._expect // 2), ("done", self._expect)):
            if before < at <= self._seen:
                sys.stdout.write(f"{name} {self._seen} {time.time_ns()}\n")
                sys.stdout.flush()
