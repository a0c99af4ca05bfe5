"""Two processes on one partition, with a real PostgreSQL: the second waits for the first and sees what it has written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable

import pytest
from psycopg import Connection

from databases import Database, postgres
from kafka_sidecar import Batch, Busy
from kafka_sidecar.sql import OffsetGuard, StaleFence
from kafka_sidecar.testing import batch, record

guard = OffsetGuard()


@pytest.fixture
def database() -> Iterator[Database]:
    with postgres() as database:
        yield database


def numbers(*offsets: int, fence: int = 1) -> Batch:
    return batch([record(offset=offset) for offset in offsets], fence=fence)


def apply(database: Database, connection: Connection, batch: Batch) -> None:
    for item in guard.records(connection, batch):
        database.add(connection, item)


@contextmanager
def second(database: Database, work: Callable[[Connection], None]) -> Iterator[Future[None]]:
    """Does the work in a transaction of another thread, which waits for a lock when the block begins."""
    with ThreadPoolExecutor(1) as pool, database.transaction() as connection:
        pid = connection.info.backend_pid
        future = pool.submit(_commit_after, connection, work)
        try:
            _wait_until_it_waits(database, pid, future)
            yield future
        finally:
            connection.cancel_safe()  # nothing may hold up the end of a test that failed
            future.exception(timeout=20)


def _commit_after(connection: Connection, work: Callable[[Connection], None]) -> None:
    with connection:
        work(connection)


def _wait_until_it_waits(database: Database, pid: int, future: Future[None]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with database.transaction() as observer:
            sql = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
            if observer.execute(sql, (pid,)).fetchone() == ("Lock",):
                return
        assert not future.done(), f"it did not wait: {future.exception()}"
    pytest.fail("the second transaction does not wait for the first")


def race(database: Database, first: Batch, then: Batch, *, commits: bool = True) -> Any:
    """Both are applied at once, then after first; what then has raised."""
    with database.transaction() as connection:
        apply(database, connection, first)
        with second(database, lambda other: apply(database, other, then)) as future:
            (connection.commit if commits else connection.rollback)()
            return future.exception(timeout=20)


def test_the_second_skips_what_the_first_has_applied(database: Database) -> None:
    with database.transaction() as connection:
        apply(database, connection, numbers(0))
    assert race(database, numbers(1, 2), numbers(1, 2, 3)) is None
    assert database.offsets() == [0, 1, 2, 3]
    assert database.row() == (4, 1)


def test_the_second_applies_all_after_a_rollback(database: Database) -> None:
    with database.transaction() as connection:
        apply(database, connection, numbers(0))
    assert race(database, numbers(1, 2), numbers(1, 2, 3), commits=False) is None
    assert database.offsets() == [0, 1, 2, 3]


def test_a_zombie_that_waited_is_refused(database: Database) -> None:
    with database.transaction() as connection:
        apply(database, connection, numbers(0, fence=1))
    assert isinstance(race(database, numbers(1, fence=2), numbers(1, 2, fence=1)), StaleFence)
    assert database.offsets() == [0, 1]
    assert database.row() == (2, 2)


def test_of_two_first_inserts_the_second_is_busy(database: Database) -> None:
    error = race(database, numbers(0, 1), numbers(0, 1, 2))
    assert isinstance(error, Busy)
    assert not isinstance(error, StaleFence)
    assert database.offsets() == [0, 1]
    with database.transaction() as connection:
        apply(database, connection, numbers(0, 1, 2))  # it comes again
    assert database.offsets() == [0, 1, 2]


def test_a_first_insert_goes_on_when_the_other_rolled_back(database: Database) -> None:
    assert race(database, numbers(0, 1), numbers(0, 1, 2), commits=False) is None
    assert database.offsets() == [0, 1, 2]


def test_many_threads_with_all_partitions_apply_each_record_once(database: Database) -> None:
    """They lock in the same order, so none is a deadlock's victim."""
    ranges = [(start, start + 5) for start in range(0, 40, 5)]
    started = threading.Barrier(4)

    def work(_: int) -> None:
        started.wait(20)
        for begin, end in ranges:
            records = [record(partition=part, offset=offset) for part in range(3) for offset in range(begin, end)]
            retry_while_busy(database, batch(records))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    expected = [("test", part, offset) for part in range(3) for offset in range(40)]
    assert sorted(database.applied()) == expected


def retry_while_busy(database: Database, batch: Batch) -> None:
    while True:
        try:
            with database.transaction() as connection:
                apply(database, connection, batch)
            return
        except Busy:
            continue


def test_processes_that_start_together_both_have_the_table(database: Database) -> None:
    another = OffsetGuard("another")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE another (until_offset BIGINT)")
        with second(database, another.create_table) as future:
            connection.commit()
            assert future.exception(timeout=20) is None
