"""OffsetGuard with whatever a driver does differently: parameters, rows, autocommit, names."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from databases import Database, postgres, sqlite
from kafka_sidecar import Busy
from kafka_sidecar._dbapi import paramstyle_of, render
from kafka_sidecar.sql import OffsetGuard
from kafka_sidecar.testing import batch, record

BATCH = batch([record(offset=0), record(offset=1)])


@pytest.fixture
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.mark.parametrize(
    ("style", "text", "names"),
    [
        ("qmark", "a = ? AND b = ? AND c <= ?", ("x", "y", "x")),
        ("format", "a = %s AND b = %s AND c <= %s", ("x", "y", "x")),
        ("numeric", "a = :1 AND b = :2 AND c <= :3", ("x", "y", "x")),
        ("named", "a = :x AND b = :y AND c <= :x", ("x", "y", "x")),
        ("pyformat", "a = %(x)s AND b = %(y)s AND c <= %(x)s", ("x", "y", "x")),
    ],
)
def test_writes_every_paramstyle(style: str, text: str, names: tuple[str, ...]) -> None:
    assert render("a = :x AND b = :y AND c <= :x", style) == (text, names)


def test_finds_the_style_of_the_drivers() -> None:
    assert paramstyle_of(sqlite3.Connection) == "qmark"
    assert paramstyle_of(psycopg.Connection) == "pyformat"
    assert paramstyle_of(type("Mine", (sqlite3.Connection,), {})) == "qmark"


def test_finds_the_style_in_a_package_around(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("driver")
    package.paramstyle = "format"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "driver", package)
    monkeypatch.setitem(sys.modules, "driver.connections", ModuleType("driver.connections"))
    assert paramstyle_of(type("Connection", (), {"__module__": "driver.connections"})) == "format"


@pytest.mark.parametrize("style", ["qmark", "named"])
def test_the_style_can_be_named_for_a_wrapper(tmp_path: Path, style: str) -> None:
    class Wrapper:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self.cursor, self.commit = connection.cursor, connection.commit
            self.rollback, self.close = connection.rollback, connection.close

    database = sqlite(tmp_path)
    with closing(Wrapper(database.connect())) as connection:
        with pytest.raises(TypeError, match="Wrapper belongs to no DB-API module: name the style of its parameters"):
            OffsetGuard().records(connection, BATCH)
        assert len(list(OffsetGuard(paramstyle=style).records(connection, BATCH))) == 2
        connection.commit()
    assert database.row() == (2, 1)


@pytest.mark.parametrize("row_factory", [sqlite3.Row, lambda cursor, row: dict(zip(("u", "f"), row))])
def test_takes_other_rows_of_sqlite(tmp_path: Path, row_factory: Any) -> None:
    database = sqlite(tmp_path)
    for left in (2, 0):
        with database.transaction() as connection:
            connection.row_factory = row_factory
            assert len(list(OffsetGuard().records(connection, BATCH))) == left


def test_takes_rows_of_psycopg_as_dicts(server: Database) -> None:
    for left in (2, 0):
        with server.transaction() as connection:
            connection.row_factory = dict_row
            assert len(list(OffsetGuard().records(connection, BATCH))) == left


def test_refuses_sqlite_in_autocommit_mode(tmp_path: Path) -> None:
    with sqlite(tmp_path).transaction() as connection:
        connection.isolation_level = None
        with pytest.raises(RuntimeError, match="commits each statement by itself: switch its autocommit off"):
            OffsetGuard().records(connection, BATCH)


def test_refuses_psycopg_in_autocommit_mode(server: Database) -> None:
    with server.transaction() as connection:
        connection.autocommit = True
        with pytest.raises(RuntimeError, match="commits each statement by itself: switch its autocommit off"):
            OffsetGuard().records(connection, BATCH)


def test_takes_a_transaction_within_autocommit_mode(server: Database) -> None:
    with server.transaction() as connection:
        connection.autocommit = True
        with connection.transaction():
            assert len(list(OffsetGuard().records(connection, BATCH))) == 2
    assert server.row() == (2, 1)


def refused() -> psycopg.Connection:
    return psycopg.connect("postgres://127.0.0.1:1/nobody", connect_timeout=5)  # nothing listens on port 1


def unreadable() -> sqlite3.Connection:
    return sqlite3.connect("/nonexistent/folder/test.db")


@pytest.mark.parametrize("connect", [refused, unreadable])
def test_a_database_that_cannot_be_reached_makes_the_batch_wait(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Busy, match="the database can't be reached"):
        OffsetGuard().each(connect, lambda connection, item: None)(BATCH)
    assert "the database can't be reached; the batch comes again" in caplog.text


def test_a_mistake_in_connect_is_no_busy_database() -> None:
    with pytest.raises(ZeroDivisionError):
        OffsetGuard().each(lambda: 1 / 0, lambda connection, item: None)(BATCH)  # type: ignore[type-var]


def test_creates_the_table_once(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    with database.transaction() as connection:
        list(OffsetGuard().records(connection, BATCH))
    with database.transaction() as connection:
        OffsetGuard().create_table(connection)
    assert database.row() == (2, 1)


def test_raises_the_error_of_a_table_that_cannot_be_created(tmp_path: Path) -> None:
    sqlite(tmp_path)
    read_only = sqlite3.connect(f"file:{tmp_path / 'test.db'}?mode=ro", uri=True)
    with closing(read_only), pytest.raises(sqlite3.OperationalError, match="readonly"):
        OffsetGuard("another").create_table(read_only)


def test_takes_a_table_in_a_schema_and_another_quote(tmp_path: Path) -> None:
    guard = OffsetGuard("main.mine", quote="`")
    with sqlite(tmp_path).transaction() as connection:
        guard.create_table(connection)
        assert len(list(guard.records(connection, BATCH))) == 2
        assert connection.execute("SELECT until_offset FROM mine").fetchall() == [(2,)]


@pytest.mark.parametrize("table", ["", "a b", 'a"b', "a..b", "a; DROP TABLE b"])
def test_refuses_other_names(table: str) -> None:
    with pytest.raises(ValueError, match="it must be a name of letters, digits and _"):
        OffsetGuard(table)


def test_refuses_an_unknown_style() -> None:
    with pytest.raises(ValueError, match="paramstyle is 'questions': it must be one of qmark, format"):
        OffsetGuard(paramstyle="questions")
