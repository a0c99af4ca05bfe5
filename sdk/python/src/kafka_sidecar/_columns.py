"""The body format application/vnd.kafka-sidecar.columns: a head in JSON, then columns of numbers, then the bytes."""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import accumulate, repeat

from ._codec import Buffer, loads_body
from ._envelope import batch_of, claims, partition_of
from ._malformed import MAX_INT64, MalformedBatch, integer
from ._model import Batch, Headers, Partition, Rows

_MAGIC = b"KSC1"
_PREFIX = struct.Struct("<4sI")


def parse_columns(body: Buffer) -> Batch:
    """The batch in a body. MalformedBatch if the body is no batch, or its lengths do not add up exactly."""
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
    view = memoryview(body)
    try:
        head = loads_body(view[_PREFIX.size : start])
    except ValueError as error:
        raise MalformedBatch(f"the head is not JSON in UTF-8: {error}") from None

    found = list(claims(head))
    counts = [integer(claim.content, "records", 1, MAX_INT64, claim.where) for claim in found]
    rows = _ColumnRows(view[start:], sum(counts), integer(head, "headers", 0, MAX_INT64, "the head"))
    partitions: list[Partition] = []
    row = 0
    for claim, count in zip(found, counts):
        partitions.append(partition_of(claim, rows, row, row + count))
        row += count
    return batch_of(head, partitions)


class _ColumnRows(Rows):
    """Rows over the columns; where keys, values and headers begin is added up when the first of them is looked at."""

    def __init__(self, columns: memoryview, records: int, headers: int) -> None:
        fixed = 28 * records + 8 * headers
        if fixed > len(columns):
            raise MalformedBatch(
                f"{records} records and {headers} headers need {fixed} bytes behind the head, the body has {len(columns)}"
            )
        reader = _Reader(columns)
        self.offsets = reader.numbers("q", records)
        self.timestamps = reader.numbers("q", records)
        key_lengths, value_lengths, header_counts = (reader.numbers("i", records) for _ in range(3))
        name_lengths, header_value_lengths = (reader.numbers("i", headers) for _ in range(2))
        if min(self.timestamps) < -1:
            raise MalformedBatch(f"a timestamp is {min(self.timestamps)}: it must be -1 or more")
        if min(header_counts) < 0 or sum(header_counts) != headers:
            raise MalformedBatch(f"the header counts do not add up to the {headers} headers of the head")
        self._header_counts = header_counts
        self._header_ends: list[int] | None = None
        self._keys = reader.pieces("key", key_lengths, -1)
        self._values = reader.pieces("value", value_lengths, -1)
        self._names = reader.pieces("header name", name_lengths, 0)
        self._header_values = reader.pieces("header value", header_value_lengths, -1)
        if reader.at != len(columns):
            raise MalformedBatch(
                f"the lengths add up to {reader.at} bytes behind the head, the body has {len(columns)}"
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

    def __init__(self, columns: memoryview) -> None:
        self.columns = columns
        self.at = 0

    def numbers(self, kind: str, count: int) -> array[int]:
        numbers = array(kind)
        numbers.frombytes(self._take(count * numbers.itemsize))
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def pieces(self, name: str, lengths: array[int], lowest: int) -> _Pieces:
        nulls = lengths.count(-1)
        if min(lengths, default=0) < lowest:
            raise MalformedBatch(f"a {name} length is {min(lengths)}: it must be {lowest} or more")
        size = sum(lengths) + nulls
        if size > len(self.columns) - self.at:
            raise MalformedBatch(
                f"the {name} lengths add up to {size} bytes, the body has {len(self.columns) - self.at} left"
            )
        return _Pieces(lengths, nulls, self._take(size))

    def _take(self, size: int) -> memoryview:
        self.at += size
        return self.columns[self.at - size : self.at]


class _Pieces:
    """Keys, values, header names or header values: bytes without separators, and the length of each (-1 null)."""

    def __init__(self, lengths: array[int], nulls: int, content: memoryview) -> None:
        self._lengths = lengths
        self._nulls = nulls
        self._content = content
        self._ends: list[int] | None = None

    def __getitem__(self, index: int) -> bytes | None:
        length = self._lengths[index]
        if length < 0:
            return None
        if self._ends is None:
            self._ends = list(accumulate(map(max, self._lengths, repeat(0)) if self._nulls else self._lengths))
        end = self._ends[index]
        return bytes(self._content[end - length : end])
