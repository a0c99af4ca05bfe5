"""Where the values of records stand in a JSON body.

A batch with embedded JSON values is parsed like any other; the exact bytes of a value are looked for only when an app
asks for them. The walk takes the body for valid, which the parse has shown. It is not recursive: no nesting is too deep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

Span = tuple[int, int]

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_SCALAR = re.compile(_STRING + rb"|[^\s,\]}]+", re.DOTALL)
_SPACE = re.compile(rb"\s*")


def value_spans(body: bytes | bytearray) -> list[Span]:
    """Start and end of each record's "value", white space around it included, in the order of the body.

    (0, 0) for a record without one. Of a name that is there twice the last one counts, as in a parse.
    """
    walk = _Walk(body)
    partitions: list[list[Span]] = []
    for name in walk.members():
        if name == "partitions":
            partitions = [_records(walk) for _ in walk.items()]
        else:
            walk.skip()
    return [span for records in partitions for span in records]


def _records(walk: _Walk) -> list[Span]:
    records: list[Span] = []
    for name in walk.members():
        if name == "records":
            records = [_value(walk) for _ in walk.items()]
        else:
            walk.skip()
    return records


def _value(walk: _Walk) -> Span:
    span = (0, 0)
    for name in walk.members():
        start = walk.at
        walk.skip()
        if name == "value":
            span = (start, walk.at)
    return span


class _Walk:
    """A position in the body. members and items stop at each value; the caller moves on behind it before it goes on."""

    def __init__(self, body: bytes | bytearray) -> None:
        self.body = body
        self.at = 0

    def members(self) -> Iterator[str]:
        """The names of the object here."""
        while self._next(b"}"):
            self._space()
            start = self.at
            self.skip()
            name: str = json.loads(str(self.body[start : self.at], "utf-8"))
            self.at += 1  # the colon
            yield name

    def items(self) -> Iterator[None]:
        """The elements of the list here."""
        while self._next(b"]"):
            yield

    def skip(self) -> None:
        """Move behind the value here and the white space around it."""
        self._space()
        if self.body[self.at] in b"[{":
            self._skip_nested()
        else:
            self._match(_SCALAR)
        self._space()

    def _skip_nested(self) -> None:
        depth = 0
        for token in _TOKEN.finditer(self.body, self.at):
            first = self.body[token.start()]
            depth += (first in b"[{") - (first in b"]}")
            if depth == 0:
                self.at = token.end()
                return

    def _next(self, end: bytes) -> bool:
        """Step over what opens the container or parts two values; behind its end, and False, if there is no more."""
        self._space()
        opening = self.body[self.at] in b"[{"
        if opening:
            self.at += 1
            self._space()
        if self.body[self.at] == end[0]:
            self.at += 1
            self._space()
            return False
        if not opening:
            self.at += 1  # the comma
        return True

    def _space(self) -> None:
        self._match(_SPACE)

    def _match(self, pattern: re.Pattern[bytes]) -> None:
        if match := pattern.match(self.body, self.at):
            self.at = match.end()
