"""The part of a batch that both body formats have in common: everything but the records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ._malformed import MAX_INT32, MAX_INT64, MalformedBatch, check_offsets, field, integer
from ._model import Batch, Partition, Rows


class Claim(NamedTuple):
    """A partition as the body has it, before its records are looked at."""

    where: str
    topic: str
    partition: int
    from_offset: int
    until_offset: int
    fence: int
    content: dict[str, Any]


def claims(head: Any) -> Iterator[Claim]:
    """The partitions of a body, each checked when it is reached."""
    seen: set[tuple[str, int]] = set()
    partitions = field(head, "partitions", list, "the body")
    if not partitions:
        raise MalformedBatch("the body has no partitions")
    for index, content in enumerate(partitions):
        where = f"partitions[{index}]"
        topic: str = field(content, "topic", str, where)
        partition = integer(content, "partition", 0, MAX_INT32, where)
        if (topic, partition) in seen:
            raise MalformedBatch(f"{where}: {topic}/{partition} is there twice")
        seen.add((topic, partition))
        until_offset = integer(content, "untilOffset", 1, MAX_INT64, where)
        from_offset = integer(content, "fromOffset", 0, until_offset - 1, where)
        fence = integer(content, "fence", 0, MAX_INT64, where)
        yield Claim(where, topic, partition, from_offset, until_offset, fence, content)


def partition_of(claim: Claim, rows: Rows, start: int, stop: int) -> Partition:
    """The partition with its records, which must lie in its range."""
    check_offsets(rows.offsets[start:stop], claim.from_offset, claim.until_offset, claim.where)
    return Partition(*claim[1:6], rows, start, stop)


def batch_of(head: Any, partitions: list[Partition]) -> Batch:
    return Batch(
        id=field(head, "batch", str, "the body"),
        group=field(head, "group", str, "the body"),
        attempt=integer(head, "attempt", 1, MAX_INT64, "the body"),
        partitions=tuple(partitions),
    )
