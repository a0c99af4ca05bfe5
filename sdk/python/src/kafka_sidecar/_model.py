"""The batch as a handler sees it.

A Batch looks into rows that a body format provides (`_json`, `_columns`). Records are made when they are looked at, their keys, values
and headers are decoded when they are looked at. Nothing here refers back to its owner: a batch is freed
without the cycle collector as soon as the last reference to it and its records is gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Optional, overload

from ._codec import loads
from ._failures import Failure

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Headers = list[tuple[str, Optional[bytes]]]


class Rows(ABC):
    """All records of a body by their index, in the order of the body."""

    offsets: Sequence[int]
    timestamps: Sequence[int]

    @abstractmethod
    def key(self, row: int) -> bytes | None: ...

    @abstractmethod
    def value(self, row: int) -> bytes | None: ...

    @abstractmethod
    def headers(self, row: int) -> Headers: ...

    def text(self, row: int) -> str | None:
        value = self.value(row)
        return None if value is None else value.decode()

    def json(self, row: int) -> Any:
        value = self.value(row)
        return None if value is None else loads(value)


class OffsetRange(NamedTuple):
    """The range of one partition that a batch covers. Immutable.

    from_offset is inclusive: where the partition stood before the batch. until_offset is exclusive: what gets committed.
    Offsets have gaps: the range may hold fewer records than `until_offset - from_offset`. fence grows with each new owner of
    the partition.
    """

    topic: str
    partition: int
    from_offset: int
    until_offset: int
    fence: int


@dataclass(frozen=True, eq=False)
class Partition:
    """The records of one partition in a batch, with their range (see OffsetRange). Immutable, safe to share between threads."""

    topic: str
    partition: int
    from_offset: int
    until_offset: int
    fence: int
    _rows: Rows = field(repr=False)
    _start: int = field(repr=False)
    _stop: int = field(repr=False)

    @property
    def records(self) -> Records:
        """At least one record, ascending by offset."""
        return Records((self,))

    def _find(self, offset: int) -> Record | None:
        row = bisect_left(self._rows.offsets, offset, self._start, self._stop)
        if row < self._stop and self._rows.offsets[row] == offset:
            return _record(self, row)
        return None


class Record:
    """One record of Kafka. Immutable, safe to share between threads.

    It keeps the body of its batch in memory: copy what you need if you keep records for long. Equal records have the same
    topic, partition, offset and content.
    """

    # Without an __init__, whose call for each record would take longer than to make it: see _record and Records.
    __slots__ = ("_partition", "_row")
    _partition: Partition
    _row: int

    @property
    def topic(self) -> str:
        return self._partition.topic

    @property
    def partition(self) -> int:
        return self._partition.partition

    @property
    def offset(self) -> int:
        return self._partition._rows.offsets[self._row]

    @property
    def timestamp_ms(self) -> int:
        """Milliseconds since the epoch; -1 if the record has none."""
        return self._partition._rows.timestamps[self._row]

    @property
    def timestamp(self) -> datetime | None:
        """In UTC; None if the record has none. OverflowError beyond the year 9999, where timestamp_ms still works."""
        ms = self.timestamp_ms
        if ms == -1:
            return None
        try:
            return EPOCH + timedelta(milliseconds=ms)
        except OverflowError:
            raise OverflowError(f"timestamp {ms} is beyond the year 9999: use timestamp_ms") from None

    @property
    def key(self) -> bytes | None:
        """The key; None if the record has none, which an empty key is not."""
        return self._partition._rows.key(self._row)

    @property
    def value(self) -> bytes | None:
        """The value; None for a tombstone, which an empty value is not."""
        return self._partition._rows.value(self._row)

    @property
    def headers(self) -> Headers:
        """(name, value) pairs in the order of the record, a new list each time. Names may repeat; a value may be None.

        Bytes of a name that are not UTF-8 become surrogates: `name.encode("utf-8", "surrogateescape")` gives them back.
        """
        return self._partition._rows.headers(self._row)

    def header(self, name: str) -> bytes | None:
        """The value of the last header of that name; None if there is none or its value is null."""
        for found, value in reversed(self.headers):
            if found == name:
                return value
        return None

    def text(self) -> str | None:
        """The value as text; None for a tombstone. UnicodeDecodeError if it is not UTF-8."""
        return self._partition._rows.text(self._row)

    def json(self) -> Any:
        """The value, parsed; None for a tombstone. ValueError if it is not JSON in UTF-8.

        With `batch.value: json` it was parsed with the batch: each call gives the same object, so treat it as read-only.
        """
        return self._partition._rows.json(self._row)

    def reject(self, reason: str) -> Failure:
        """A Failure that hands this record to the dead-letter policy."""
        return Failure(self.topic, self.partition, self.offset, "reject", reason)

    def retry(self, reason: str | None = None, after: float | None = None) -> Failure:
        """A Failure that has this record and all after it of its partition delivered again, after that many seconds."""
        return Failure(self.topic, self.partition, self.offset, "retry", reason, after)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash((self.topic, self.partition, self.offset))

    def __repr__(self) -> str:  # without the content, which belongs in no log
        return f"Record(topic={self.topic!r}, partition={self.partition}, offset={self.offset})"

    def _content(self) -> tuple[object, ...]:
        place = (self.topic, self.partition, self.offset)
        return (*place, self.timestamp_ms, self.key, self.value, self.headers)


def _record(partition: Partition, row: int) -> Record:
    record = Record()
    record._partition = partition
    record._row = row
    return record


class Records(Sequence[Record]):
    """Records in the order of the body; each is made when it is looked at. A slice is a tuple."""

    __slots__ = ("_partitions", "_starts")

    def __init__(self, partitions: tuple[Partition, ...]) -> None:
        self._partitions = partitions
        self._starts = [partition._start for partition in partitions]

    def __len__(self) -> int:
        return self._partitions[-1]._stop - self._starts[0]

    def __iter__(self) -> Iterator[Record]:
        for partition in self._partitions:
            for row in range(partition._start, partition._stop):
                record = Record()  # as by _record, without a call
                record._partition = partition
                record._row = row
                yield record

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, index: int | slice) -> Record | tuple[Record, ...]:
        rows = range(self._starts[0], self._partitions[-1]._stop)[index]
        return self._at(rows) if isinstance(rows, int) else tuple(map(self._at, rows))

    def __repr__(self) -> str:
        return f"<{len(self)} records>"

    def _at(self, row: int) -> Record:
        return _record(self._partitions[bisect_right(self._starts, row) - 1], row)


@dataclass(frozen=True, eq=False)
class Batch:
    """What a handler is given: records of one or more partitions. Immutable, safe to share between threads.

    id: the same group and ranges give the same id; after a restart ranges may be cut differently, so de-duplicate
    by topic, partition and offset instead.
    group: the consumer's identity.
    attempt: 1 + the failed attempts counted against the first record not yet acknowledged.
    partitions: sorted by topic, then partition; at least one, none twice.
    """

    id: str
    group: str
    attempt: int
    partitions: tuple[Partition, ...]
    records: Records = field(init=False, repr=False)
    ranges: tuple[OffsetRange, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", Records(self.partitions))
        ranges = (OffsetRange(p.topic, p.partition, p.from_offset, p.until_offset, p.fence) for p in self.partitions)
        object.__setattr__(self, "ranges", tuple(ranges))

    def _find(self, topic: str, partition: int, offset: int) -> Record | None:
        for candidate in self.partitions:
            if candidate.topic == topic and candidate.partition == partition:
                return candidate._find(offset)
        return None
