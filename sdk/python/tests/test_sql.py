"""What OffsetGuard promises, with SQLite and with a real PostgreSQL alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from databases import Database, postgres, sqlite
from kafka_sidecar import Batch, Busy, Failure, Record, Reject, Retry
from kafka_sidecar.sql import OffsetGuard, StaleFence
from kafka_sidecar.testing import batch, record

guard = OffsetGuard()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield sqlite(tmp_path)
    else:
        with postgres() as database:
            yield database


def numbers(*offsets: int, partition: int = 0, fence: int = 1) -> Batch:
    """A batch with these offsets of one partition."""
    return batch([record(str(offset), partition=partition, offset=offset) for offset in offsets], fence=fence)


def apply(database: Database, batch: Batch) -> None:
    with database.transaction() as connection:
        for item in guard.records(connection, batch):
            database.add(connection, item)


class TestRecords:
    def test_writes_records_and_row_together(self, database: Database) -> None:
        apply(database, numbers(5, 6, 9, fence=7))
        assert database.offsets() == [5, 6, 9]
        assert database.row() == (10, 7)

    def test_skips_a_repeat_and_says_so(self, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        apply(database, numbers(5, 6))
        with caplog.at_level(logging.INFO, "kafka_sidecar"):
            apply(database, numbers(5, 6))
        assert database.offsets() == [5, 6]
        assert "2 records of test/0 skipped: those before offset 7 are applied already" in caplog.text

    def test_skips_what_overlaps_when_ranges_are_cut_differently(self, database: Database) -> None:
        apply(database, numbers(0, 1, 2))
        apply(database, numbers(1, 2, 3, 4))
        apply(database, numbers(3))
        apply(database, numbers(4, 5))
        assert database.offsets() == [0, 1, 2, 3, 4, 5]
        assert database.row() == (6, 1)

    def test_a_shorter_repeat_does_not_move_the_row_back(self, database: Database) -> None:
        apply(database, numbers(0, 1, 2))
        apply(database, numbers(0))
        assert database.row() == (3, 1)

    def test_keeps_partitions_topics_and_groups_apart(self, database: Database) -> None:
        apply(database, numbers(0, 1))
        apply(database, numbers(0, 1, partition=1))
        apply(database, batch([record(topic="other", offset=0)]))
        apply(database, batch([record(offset=0)], group="other"))
        assert database.offsets() == [0, 1, 0, 1, 0, 0]

    def test_gives_partitions_in_the_order_of_the_batch(self, database: Database) -> None:
        apply(database, numbers(0, 1, partition=1))
        both = batch([record(partition=part, offset=offset) for part in (0, 1) for offset in (0, 1, 2)])
        apply(database, both)
        assert database.applied()[2:] == [("test", 0, 0), ("test", 0, 1), ("test", 0, 2), ("test", 1, 2)]

    def test_goes_on_beyond_a_gap(self, database: Database) -> None:
        apply(database, numbers(0))
        apply(database, numbers(100, 101))
        assert database.row() == (102, 1)

    def test_refuses_a_lower_fence_and_writes_nothing(self, database: Database) -> None:
        apply(database, numbers(0, fence=9))
        with pytest.raises(StaleFence, match=r"test/0 has another owner by now: its fence is 9, that of the batch 8"):
            apply(database, numbers(1, fence=8))
        assert database.offsets() == [0]
        assert database.row() == (1, 9)

    def test_refuses_before_it_gives_the_first_record(self, database: Database) -> None:
        apply(database, numbers(0, partition=1, fence=9))
        both = batch([record(partition=0, offset=0), record(partition=1, offset=1)], fence=8)
        with database.transaction() as connection, pytest.raises(StaleFence):
            guard.records(connection, both)

    def test_a_stale_fence_is_busy(self) -> None:
        assert issubclass(StaleFence, Busy)  # which is answered 503: nothing is counted, nothing acknowledged

    def test_a_higher_fence_takes_over(self, database: Database) -> None:
        apply(database, numbers(0, fence=1))
        apply(database, numbers(0, 1, fence=2))
        assert database.offsets() == [0, 1]
        assert database.row() == (2, 2)

    def test_a_higher_fence_counts_even_if_all_is_applied_already(self, database: Database) -> None:
        apply(database, numbers(0, fence=1))
        apply(database, numbers(0, fence=2))
        with pytest.raises(StaleFence):
            apply(database, numbers(1, fence=1))

    def test_a_rollback_leaves_the_row(self, database: Database) -> None:
        apply(database, numbers(0))
        with database.transaction() as connection:
            for item in guard.records(connection, numbers(1, 2, fence=5)):
                database.add(connection, item)
            connection.rollback()
        assert database.offsets() == [0]
        assert database.row() == (1, 1)

    def test_leaving_the_loop_leaves_the_row(self, database: Database) -> None:
        apply(database, numbers(0))
        with database.transaction() as connection:
            for _ in guard.records(connection, numbers(1, 2)):
                break
        assert database.row() == (1, 1)

    def test_a_row_that_moved_meanwhile_fails_the_batch(self, database: Database) -> None:
        apply(database, numbers(0))
        with database.transaction() as connection:
            records = guard.records(connection, numbers(1))
            next(records)
            connection.execute("UPDATE kafka_sidecar_offsets SET until_offset = 50")
            with pytest.raises(Busy, match="another transaction has just written the row of test/0"):
                next(records)


class TestEach:
    """The handler that `each` makes, with a function that adds the record or does what `does` has for its offset."""

    def handle(self, database: Database, batch: Batch, does: dict[int, Exception]) -> list[Failure]:
        def fn(connection: Any, item: Record) -> None:
            database.add(connection, item)
            if item.offset in does:
                raise does[item.offset]

        return guard.each(database.connect, fn)(batch)

    def test_applies_all_in_one_transaction(self, database: Database) -> None:
        assert self.handle(database, numbers(0, 1), {}) == []
        assert self.handle(database, numbers(0, 1, 2), {}) == []
        assert database.offsets() == [0, 1, 2]
        assert database.row() == (3, 1)

    def test_a_retry_advances_its_partition_to_that_record(self, database: Database) -> None:
        both = batch(
            [record(partition=part, offset=offset) for part in (0, 1) for offset in range(10 * part, 10 * part + 3)]
        )
        failures = self.handle(database, both, {1: Retry("later", after=2)})
        assert failures == [Failure("test", 0, 1, "retry", "later", 2)]
        assert database.offsets() == [0, 10, 11, 12]
        assert (database.row(), database.row(partition=1)) == ((1, 1), (13, 1))
        assert self.handle(database, both, {}) == []
        assert database.offsets() == [0, 10, 11, 12, 1, 2]

    def test_an_unexpected_exception_is_a_retry_and_undoes_its_record(self, database: Database) -> None:
        failures = self.handle(database, numbers(0, 1, 2), {1: KeyError("secret")})
        assert failures == [Failure("test", 0, 1, "retry", "KeyError")]
        assert database.offsets() == [0]
        assert database.row() == (1, 1)

    def test_an_error_of_the_database_undoes_its_record_only(self, database: Database) -> None:
        def fn(connection: Any, item: Record) -> None:
            (database.fail if item.offset == 1 else database.add)(connection, item)

        (failure,) = guard.each(database.connect, fn)(numbers(0, 1, 2))
        assert (failure.offset, failure.action) == (1, "retry")
        assert database.offsets() == [0]
        assert database.row() == (1, 1)

    def test_the_row_does_not_pass_a_rejected_record(self, database: Database) -> None:
        """With the policy `block` the record comes again: it must be rejected again, not skipped as applied."""
        for _ in range(2):
            failures = self.handle(database, numbers(0, 1, 2, 3), {1: Reject("no amount")})
            assert [(f.offset, f.action) for f in failures] == [(1, "reject"), (2, "retry")]
            assert database.offsets() == [0]
            assert database.row() == (1, 1)
        assert self.handle(database, numbers(2, 3), {}) == []  # as after a dead letter
        assert database.offsets() == [0, 2, 3]

    def test_what_waits_behind_a_reject_waits_no_time(self, database: Database) -> None:
        failures = self.handle(database, numbers(1, 2), {1: Reject("no amount")})
        assert failures[1] == Failure("test", 0, 2, "retry", "comes after a rejected record", 0.001)

    def test_busy_at_first_rolls_back(self, database: Database) -> None:
        with pytest.raises(Busy):
            self.handle(database, numbers(0, 1), {0: Busy("away", after=5)})
        assert database.offsets() == []
        assert database.row() is None

    def test_busy_later_keeps_what_is_done(self, database: Database) -> None:
        both = batch(
            [record(partition=part, offset=offset) for part in (0, 1) for offset in range(10 * part, 10 * part + 2)]
        )
        failures = self.handle(database, both, {1: Busy("away", after=5)})
        assert [(f.partition, f.offset, f.action) for f in failures] == [(0, 1, "retry"), (1, 10, "retry")]
        assert database.offsets() == [0]
        assert self.handle(database, both, {}) == []
        assert database.offsets() == [0, 1, 10, 11]

    def test_refuses_a_lower_fence_without_a_call(self, database: Database) -> None:
        self.handle(database, numbers(0, fence=9), {})
        with pytest.raises(StaleFence):
            self.handle(database, numbers(1, fence=8), {1: AssertionError("was called")})
        assert database.offsets() == [0]

    def test_a_function_that_ends_the_transaction_fails_the_batch(self, database: Database) -> None:
        def fn(connection: Any, item: Record) -> None:
            database.add(connection, item)
            connection.rollback()

        with pytest.raises(Exception, match=r"kafka_sidecar_record|SAVEPOINT"):
            guard.each(database.connect, fn)(numbers(0))
        assert database.offsets() == []
        assert database.row() is None

    def test_a_failure_returned_by_mistake_acknowledges_nothing(self, database: Database) -> None:
        def fn(connection: Any, item: Record) -> Any:
            return item.reject("returned, not raised")

        (failure,) = guard.each(database.connect, fn)(numbers(0))
        assert (failure.action, failure.reason) == ("retry", "TypeError")

    @pytest.mark.parametrize("breaks", ["commit", "close"])
    def test_a_commit_that_fails_acknowledges_nothing(self, database: Database, breaks: str) -> None:
        connection = Breaks(database.connect(), breaks)
        style = "qmark" if "sqlite3" in type(connection.real).__module__ else "pyformat"
        handle = OffsetGuard(paramstyle=style).each(lambda: connection, lambda c, item: database.add(c.real, item))
        with pytest.raises(ConnectionError):
            handle(numbers(0))
        connection.real.close()
        assert database.offsets() == ([] if breaks == "commit" else [0])
        apply(database, numbers(0))  # it comes again
        assert database.offsets() == [0]


class Breaks:
    """A connection in a wrapper, whose server is lost when a method is called."""

    def __init__(self, real: Any, breaks: str) -> None:
        self.real = real
        self.breaks = breaks

    def cursor(self) -> Any:
        return self.real.cursor()

    def rollback(self) -> None:
        self.real.rollback()

    def commit(self) -> None:
        self._lose("commit")
        self.real.commit()

    def close(self) -> None:
        self._lose("close")
        self.real.close()

    def _lose(self, method: str) -> None:
        if method == self.breaks:
            raise ConnectionError("the server is lost")
