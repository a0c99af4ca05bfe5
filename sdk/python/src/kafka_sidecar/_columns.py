"""The body format application/vnd.kafka-sidecar.columns: a head in JSON, then columns of numbers, then the bytes."""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import accumulate, repeat

from ._codec import Buffer, loads
from ._envelope import batch_of, claims, partition_of
from ._malformed import MAX_INT64, MalformedBatch, integer
from ._model import Batch, Headers, Partition, Rows

_MAGIC = b"KSC1"
_PREFIX = struct.Struct("<4sI")


def parse_columns(body: Buffer) -> Batch:
    """The batch in a body. MalformedBatch if the body is no batch, or its lengths do not add up exactly."""
    body = bytes(body)  # no copy of bytes, whose slices are what apps are given
    if len(body) < _PREFIX.size:
        raise MalformedBatch(f"the body has {len(body)} bytes: it must have the {_PREFIX.size} of its start at least")
    magic, head_length = _PREFIX.unpack_from(body)
    start = _PREFIX.size + head_length
    if magic != _MAGIC:
        raise MalformedBatch("the body does not start with KSC1")
    if start > len(body) or start % 8:
        raise MalformedBatch(
            f"the head has {head_length} bytes: with the start it must end in the body, at a multiple of 8"
        )
    try:
        head = loads(body[_PREFIX.size : start])
    except ValueError as error:
        raise MalformedBatch(f"the head is not JSON in UTF-8: {error}") from None

    found = list(claims(head))
    counts = [integer(claim.content, "records", 1, MAX_INT64, claim.where) for claim in found]
    rows = _ColumnRows(body, start, sum(counts), integer(head, "headers", 0, MAX_INT64, "the head"))
    partitions: list[Partition] = []
    row = 0
    for claim, count in zip(found, counts):
        partitions.append(partition_of(claim, rows, row, row + count))
        row += count
    return batch_of(head, partitions)


class _ColumnRows(Rows):
    """Rows over the columns. Keys, values and headers are cut out of the body when they are looked at."""

    def __init__(self, body: bytes, start: int, records: int, headers: int) -> None:
        fixed = 28 * records + 8 * headers
        if fixed > len(body) - start:
            raise MalformedBatch(
                f"{records} records and {headers} headers need {fixed} bytes behind the head, the body has {len(body) - start}"
            )
        reader = _Reader(body, start)
        self.offsets = reader.numbers("q", records)
        self.timestamps = reader.numbers("q", records)
        key_lengths, value_lengths, header_counts = (reader.numbers("i", records) for _ in range(3))
        name_lengths, header_value_lengths = (reader.numbers("i", headers) for _ in range(2))
        if _has_negative(self.timestamps) and min(self.timestamps) < -1:
            raise MalformedBatch(f"a timestamp is {min(self.timestamps)}: it must be -1 or more")
        if _has_negative(header_counts) or sum(header_counts) != headers:
            raise MalformedBatch(f"the header counts do not add up to the {headers} headers of the head")
        self._header_counts = header_counts
        self._header_ends: list[int] | None = None
        self._keys = reader.pieces("key", key_lengths, -1)
        self._values = reader.pieces("value", value_lengths, -1)
        self._names = reader.pieces("header name", name_lengths, 0)
        self._header_values = reader.pieces("header value", header_value_lengths, -1)
        if reader.at != len(body):
            raise MalformedBatch(
                f"the lengths add up to {reader.at - start} bytes behind the head, the body has {len(body) - start}"
            )

    def key(self, row: int) -> bytes | None:
        return self._keys[row]

    def value(self, row: int) -> bytes | None:
        return self._values[row]

    def headers(self, row: int) -> Headers:
        if self._header_ends is None:
            self._header_ends = list(accumulate(self._header_counts))
        end = self._header_ends[row]
        indexes = range(end - self._header_counts[row], end)
        return [((self._names[i] or b"").decode("utf-8", "surrogateescape"), self._header_values[i]) for i in indexes]


class _Reader:
    """Takes columns and their bytes off the body, one after the other."""

    def __init__(self, body: bytes, at: int) -> None:
        self.body = body
        self.at = at

    def numbers(self, kind: str, count: int) -> array[int]:
        numbers = array(kind)
        start, self.at = self.at, self.at + count * numbers.itemsize
        numbers.frombytes(self.body[start : self.at])
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def pieces(self, name: str, lengths: array[int], lowest: int) -> _Pieces:
        has_nulls = _has_negative(lengths)
        if has_nulls and min(lengths) < lowest:
            raise MalformedBatch(f"a {name} length is {min(lengths)}: it must be {lowest} or more")
        sizes = map(max, lengths, repeat(0)) if has_nulls else lengths
        bounds = list(accumulate(sizes, initial=self.at))
        if bounds[-1] > len(self.body):
            raise MalformedBatch(
                f"the {name} lengths add up to {bounds[-1] - self.at} bytes, the body has {len(self.body) - self.at} left"
            )
        self.at = bounds[-1]
        return _Pieces(self.body, bounds, lengths if has_nulls else None)


class _Pieces:
    """Keys, values, header names or header values: each lies in the body between two bounds that follow each other."""

    __slots__ = ("_body", "_bounds", "_lengths")

    def __init__(self, body: bytes, bounds: list[int], lengths: array[int] | None) -> None:
        self._body = body
        self._bounds = bounds
        self._lengths = lengths  # None if no piece is null, else a null has -1

    def __getitem__(self, index: int) -> bytes | None:
        if self._lengths is not None and self._lengths[index] < 0:
            return None
        bounds = self._bounds
        return self._body[bounds[index] : bounds[index + 1]]


def _has_negative(numbers: array[int]) -> bool:
    """Whether one is below 0. By the bytes with the signs: to look at each number takes many times as long."""
    size = numbers.itemsize
    first = size - 1 if sys.byteorder == "little" else 0
    return not numbers.tobytes()[first::size].isascii()
