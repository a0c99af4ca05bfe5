"""Where the values of records stand in a JSON body.

A batch with embedded JSON values is parsed like any other; the exact text of a value is looked for only when an app
asks for it. The walk takes the body for valid, which the parse has shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Span = tuple[int, int]

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers stay text: only their end is of interest.
_decode = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode


def value_spans(body: str) -> list[Span]:
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
    """A position in the body. members and items stop at each child; the caller moves on behind it before it goes on."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.at = 0

    def members(self) -> Iterator[str]:
        """The names of the object here; none if it is something else."""
        for _ in self._children("{", "}"):
            name: str = self.skip()
            self.at += 1  # the colon
            yield name

    def items(self) -> Iterator[None]:
        """The elements of the list here; none if it is something else."""
        return self._children("[", "]")

    def skip(self) -> Any:
        """Move behind the value here and the white space around it. Returns the value, but for its numbers."""
        self._space()
        value, self.at = _decode(self.body, self.at)
        self._space()
        return value

    def _children(self, opening: str, end: str) -> Iterator[None]:
        self._space()
        if self.body[self.at] != opening:
            self.skip()
            return
        self.at += 1
        self._space()
        while self.body[self.at] != end:
            yield
            if self.body[self.at] == ",":
                self.at += 1
        self.at += 1
        self._space()

    def _space(self) -> None:
        if match := _SPACE.match(self.body, self.at):
            self.at = match.end()
