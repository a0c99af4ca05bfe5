"""Databases for the tests of OffsetGuard: SQLite in a file, and a schema of its own on a real PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Callable

import psycopg
import pytest

from kafka_sidecar import Record
from kafka_sidecar.sql import OffsetGuard

Place = tuple[str, int, int]


class Database:
    """One table of applied records, without a key: a record that is applied twice is there twice."""

    def __init__(self, connect: Callable[[], Any], mark: str) -> None:
        self.connect = connect
        self._mark = mark
        with self.transaction() as connection:
            connection.execute(
                "CREATE TABLE applied (topic TEXT NOT NULL, part INTEGER NOT NULL, position BIGINT NOT NULL)"
            )
            OffsetGuard().create_table(connection)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A connection that is committed, or rolled back after an exception, and closed."""
        with closing(self.connect()) as connection, connection:
            yield connection

    def add(self, connection: Any, record: Record) -> None:
        sql = f"INSERT INTO applied VALUES ({self._mark}, {self._mark}, {self._mark})"
        connection.execute(sql, (record.topic, record.partition, record.offset))

    def fail(self, connection: Any, record: Record) -> None:
        """An error of the database itself, after a write."""
        self.add(connection, record)
        connection.execute("INSERT INTO applied VALUES (NULL, NULL, NULL)")

    def applied(self) -> list[Place]:
        with self.transaction() as connection:
            return [tuple(row) for row in connection.execute("SELECT topic, part, position FROM applied").fetchall()]

    def offsets(self) -> list[int]:
        """Of the records applied, of whatever partition."""
        return [offset for _, _, offset in self.applied()]

    def row(self, topic: str = "test", partition: int = 0) -> tuple[int, int] | None:
        """The until_offset and the fence that the guard has stored."""
        sql = 'SELECT until_offset, fence FROM kafka_sidecar_offsets WHERE topic = {0} AND "partition" = {0}'
        with self.transaction() as connection:
            row = connection.execute(sql.format(self._mark), (topic, partition)).fetchone()
        return None if row is None else tuple(row)


def sqlite(folder: Path) -> Database:
    return Database(lambda: sqlite3.connect(folder / "test.db", timeout=20), "?")


@contextmanager
def postgres() -> Iterator[Database]:
    url = os.environ.get("SIDECAR_TEST_POSTGRES")
    if not url:
        pytest.fail("SIDECAR_TEST_POSTGRES is not set to the URL of a PostgreSQL server: run 'make python'")
    schema = f"test_{uuid.uuid4().hex}"
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield Database(lambda: psycopg.connect(url, options=f"-c search_path={schema}"), "%s")
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
