"""Exactly once into a database: the offsets are kept in the database that the records go to, in the same transaction.

    guard = OffsetGuard()

    def handle(batch):
        with connect() as connection:  # one transaction
            for record in guard.records(connection, batch):  # only those not applied yet
                connection.execute("INSERT INTO orders …", …)

Works with any DB-API 2.0 connection (PEP 249) that is not in autocommit mode.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Callable, TypeVar

from ._dbapi import PLACEHOLDERS, Connection, Statements, commits_by_itself, is_away, is_duplicate_key
from ._each import Run, must_be_none
from ._failures import Busy, Failure, Reject, Retry
from ._model import Batch, OffsetRange, Record

__all__ = ["Connection", "OffsetGuard", "StaleFence"]

log = logging.getLogger("kafka_sidecar")

C = TypeVar("C", bound=Connection)


class StaleFence(Busy):
    """Another process owns the partition now: the batch comes from one that lost it, and nothing of it may be written."""


class OffsetGuard:
    """Skips what a database has applied already, by a row per group, topic and partition in a table of that database.

    The row says up to which offset records are applied, and the fence of the newest owner. It is locked, compared and
    advanced in the app's own transaction, so that record and row are written together or not at all. A guard holds no
    state: one may be used by all threads, each with a connection of its own.

    table: name of the table, with its schema before a dot if need be.
    paramstyle: as in PEP 249. None asks the module of the connection; name it for a connection in a wrapper.
    quote: the character around names; "`" for MySQL and MariaDB without ANSI_QUOTES.

    Records that come again on purpose (an operator seeks back, a topic is created anew under its old name) are skipped
    too: delete the rows of that group and topic first.
    """

    def __init__(
        self, table: str = "kafka_sidecar_offsets", *, paramstyle: str | None = None, quote: str = '"'
    ) -> None:
        if not re.fullmatch(r"\w+(\.\w+)*", table):
            raise ValueError(
                f"table is {table!r}: it must be a name of letters, digits and _, with or without a schema"
            )
        if paramstyle is not None and paramstyle not in PLACEHOLDERS:
            raise ValueError(f"paramstyle is {paramstyle!r}: it must be one of {', '.join(PLACEHOLDERS)}")
        self._statements = Statements(table, paramstyle, quote)

    def create_table(self, connection: Connection) -> None:
        """Create the table if there is none, and commit. For where the app makes its own tables."""
        try:
            self._statements.execute(connection, "create")
            connection.commit()
        except Exception:
            connection.rollback()
            # IF NOT EXISTS does not keep two processes that start together from both trying.
            if not self._has_table(connection):
                raise

    def records(self, connection: Connection, batch: Batch) -> Iterator[Record]:
        """The records of the batch that are not applied yet, in its order, for your transaction on the connection.

        The rows are locked and compared before this returns: StaleFence if another process owns a partition by now,
        RuntimeError if the connection is in autocommit mode. Each row is advanced to the end of its range when the
        iterator is exhausted; commit after that. After an exception, or when you leave the loop early, the rows stand
        where they were: roll back, or what you wrote is written a second time.

        Do not return a `Failure` for one of these records: its row has been advanced past it, so it would be skipped as
        applied when it comes again. To fail single records use `each`; to fail the batch raise, and roll back.
        """
        return self._unapplied(connection, batch, self._lock(connection, batch))

    def each(self, connect: Callable[[], C], fn: Callable[[C, Record], None]) -> Callable[[Batch], list[Failure]]:
        """Make a handler that calls fn(connection, record) for each record not applied yet, in one transaction per batch.

        connect opens a connection, or takes one from a pool whose `close` gives it back. The handler commits it, or
        rolls it back, and closes it; fn only writes. What fn wrote for a record is undone (by a savepoint)
        when it raises; what it may raise is what it may raise in `kafka_sidecar.each`, and a row is
        advanced up to the first record of its partition that failed.

        After a `Reject` the rest of that partition waits for the next request: a row is one number, which must not
        pass a record that comes again when the dead-letter policy is to block.

        A commit that fails, fails the batch: nothing is acknowledged. A database that can't be reached makes the batch
        wait (`Busy`), which is not counted against its records.
        """

        def handle(batch: Batch) -> list[Failure]:
            connection = _open(connect)
            try:
                failures = self._apply_each(connection, batch, fn)
                connection.commit()
            except BaseException:
                with suppress(Exception):  # the error before it says more, and closing rolls back as well
                    connection.rollback()
                raise
            finally:
                connection.close()
            return failures

        return handle

    def _unapplied(self, connection: Connection, batch: Batch, applied: list[int]) -> Iterator[Record]:
        for partition, until in zip(batch.partitions, applied):
            for record in partition.records:
                if record.offset >= until:
                    yield record
        for claim, until in zip(batch.ranges, applied):
            self._advance(connection, batch.group, claim, until, claim.until_offset)

    def _apply_each(self, connection: C, batch: Batch, fn: Callable[[C, Record], None]) -> list[Failure]:
        applied = self._lock(connection, batch)
        until = {(claim.topic, claim.partition): offset for claim, offset in zip(batch.ranges, applied)}
        rejected = None  # the partition of the newest rejected record
        run = Run(batch)
        for record in run.records():
            place = (record.topic, record.partition)
            if record.offset < until[place]:
                continue
            error = _after_a_reject() if place == rejected else self._call(fn, connection, record)
            if error is not None:
                run.failed(record, error)
            if isinstance(error, Reject):
                rejected = place
        ends = _first_failures(run.failures)
        for claim, offset in zip(batch.ranges, applied):
            end = ends.get((claim.topic, claim.partition), claim.until_offset)
            self._advance(connection, batch.group, claim, offset, end)
        return run.failures

    def _call(self, fn: Callable[[C, Record], None], connection: C, record: Record) -> Exception | None:
        """What fn raised; its writes are undone then. An error of the savepoint itself is raised and fails the batch."""
        failed: Exception | None = None
        self._statements.execute(connection, "savepoint")
        try:
            must_be_none(fn(connection, record))  # type: ignore[func-returns-value]
        except Exception as error:
            failed = error
            self._statements.execute(connection, "undo")
        self._statements.execute(connection, "release")
        return failed

    def _lock(self, connection: Connection, batch: Batch) -> list[int]:
        """Lock the rows in the order of the batch, the same in all transactions; where each partition is to begin."""
        applied = []
        for claim, partition in zip(batch.ranges, batch.partitions):
            until = self._lock_row(connection, batch.group, claim)
            skipped = sum(record.offset < until for record in partition.records) if until > claim.from_offset else 0
            if skipped:
                place = (claim.topic, claim.partition, until)
                log.info("%d records of %s/%d skipped: those before offset %d are applied already", skipped, *place)
            applied.append(until)
        return applied

    def _lock_row(self, connection: Connection, group: str, claim: OffsetRange) -> int:
        key = _key(group, claim)
        self._statements.execute(connection, "lock", key)
        if commits_by_itself(connection):
            raise RuntimeError(
                "the connection commits each statement by itself: switch its autocommit off for OffsetGuard"
            )
        row = self._statements.fetch(connection, "read", key)
        if row is None:
            self._insert(connection, {**key, "offset": claim.from_offset})
            return claim.from_offset
        until, fence = row
        if fence > claim.fence:
            place = f"{claim.topic}/{claim.partition}"
            raise StaleFence(f"{place} has another owner by now: its fence is {fence}, that of the batch {claim.fence}")
        return int(until)

    def _insert(self, connection: Connection, values: dict[str, object]) -> None:
        try:
            self._statements.execute(connection, "insert", values)
        except Exception as error:
            if is_duplicate_key(error):
                raise _moved(values) from error
            raise

    def _advance(self, connection: Connection, group: str, claim: OffsetRange, applied: int, end: int) -> None:
        """Move the row from applied to end, never back.

        It must still stand where it was read, for some things escape the lock: a row that another transaction inserted
        between two statements of this one, and MySQL, which reads from a snapshot that may be older than the lock.
        """
        if end <= applied:
            return
        values = {**_key(group, claim), "offset": end, "expected": applied}
        if self._statements.execute(connection, "advance", values) == 0:
            raise _moved(values)

    def _has_table(self, connection: Connection) -> bool:
        try:
            self._statements.execute(connection, "look")
        except Exception:
            return False
        finally:
            connection.rollback()
        return True


def _open(connect: Callable[[], C]) -> C:
    try:
        return connect()
    except Exception as error:
        if not is_away(error):
            raise
        log.error("the database can't be reached; the batch comes again", exc_info=error)
        raise Busy("the database can't be reached") from error


def _key(group: str, claim: OffsetRange) -> dict[str, object]:
    return {"group": group, "topic": claim.topic, "partition": claim.partition, "fence": claim.fence}


def _first_failures(failures: list[Failure]) -> dict[tuple[str, int], int]:
    first: dict[tuple[str, int], int] = {}
    for failure in failures:  # in the order of the records
        first.setdefault((failure.topic, failure.partition), failure.offset)
    return first


def _after_a_reject() -> Retry:
    return Retry("comes after a rejected record", after=0.001)  # 0 would leave the wait to the back-off


def _moved(key: dict[str, object]) -> Busy:
    return Busy(f"another transaction has just written the row of {key['topic']}/{key['partition']}")
