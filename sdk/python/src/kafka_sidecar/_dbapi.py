"""The statements of OffsetGuard, spoken to any DB-API 2.0 driver (PEP 249)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any, Callable, Protocol

# A name in braces is an identifier, :name stands for a parameter, whatever the driver's style.
STATEMENTS = {
    "create": "CREATE TABLE IF NOT EXISTS {table} ({group} VARCHAR(255) NOT NULL, {topic} VARCHAR(255) NOT NULL, "
    "{partition} INTEGER NOT NULL, {until_offset} BIGINT NOT NULL, {fence} BIGINT NOT NULL, "
    "PRIMARY KEY ({group}, {topic}, {partition}))",
    "look": "SELECT COUNT(*) FROM {table}",
    # An UPDATE locks the row in every database.
    "lock": "UPDATE {table} SET {fence} = :fence WHERE {key} AND {fence} <= :fence",
    "read": "SELECT {until_offset}, {fence} FROM {table} WHERE {key}",
    "insert": "INSERT INTO {table} ({group}, {topic}, {partition}, {until_offset}, {fence}) "
    "VALUES (:group, :topic, :partition, :offset, :fence)",
    "advance": "UPDATE {table} SET {until_offset} = :offset, {fence} = :fence "
    "WHERE {key} AND {until_offset} = :expected AND {fence} <= :fence",
    "savepoint": "SAVEPOINT kafka_sidecar_record",
    "undo": "ROLLBACK TO SAVEPOINT kafka_sidecar_record",
    "release": "RELEASE SAVEPOINT kafka_sidecar_record",
}
COLUMNS = ("group", "topic", "partition", "until_offset", "fence")
KEY = "{group} = :group AND {topic} = :topic AND {partition} = :partition"

# How each paramstyle of PEP 249 writes the parameter of that name, the nth of its statement.
PLACEHOLDERS: dict[str, Callable[[str, int], str]] = {
    "qmark": lambda name, n: "?",
    "format": lambda name, n: "%s",
    "numeric": lambda name, n: f":{n}",
    "named": lambda name, n: f":{name}",
    "pyformat": lambda name, n: f"%({name})s",
}


class Connection(Protocol):
    """What is used of a DB-API 2.0 connection."""

    def cursor(self) -> Any: ...
    def commit(self) -> Any: ...
    def rollback(self) -> Any: ...
    def close(self) -> Any: ...


class Statements:
    """STATEMENTS for one table. Holds no state but that."""

    def __init__(self, table: str, paramstyle: str | None, quote: str) -> None:
        names = {name: f"{quote}{name}{quote}" for name in COLUMNS}
        names["table"] = ".".join(f"{quote}{part}{quote}" for part in table.split("."))
        names["key"] = KEY.format(**names)
        self._sql = {action: text.format(**names) for action, text in STATEMENTS.items()}
        self._paramstyle = paramstyle

    def execute(self, connection: Connection, action: str, values: Mapping[str, object] | None = None) -> int:
        """The number of rows changed; -1 if the driver can't tell."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(*self._arguments(connection, action, values))
            return int(cursor.rowcount)

    def fetch(self, connection: Connection, action: str, values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row, whatever the driver was set to make of rows; None if there is none."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(*self._arguments(connection, action, values))
            row = cursor.fetchone()
        if row is None:
            return None
        return tuple(row.values() if isinstance(row, Mapping) else row)

    def _arguments(self, connection: Connection, action: str, values: Mapping[str, object] | None) -> tuple[Any, ...]:
        if not values:
            return (self._sql[action],)
        style = self._paramstyle or paramstyle_of(type(connection))
        text, names = render(self._sql[action], style)
        if style in ("named", "pyformat"):
            return text, {name: values[name] for name in names}
        return text, tuple(values[name] for name in names)


@cache
def render(sql: str, style: str) -> tuple[str, tuple[str, ...]]:
    """The statement with the placeholders of the style, and the names of its parameters in their order."""
    names: list[str] = []

    def placeholder(found: re.Match[str]) -> str:
        names.append(found[1])
        return PLACEHOLDERS[style](found[1], len(names))

    return re.sub(r":(\w+)", placeholder, sql), tuple(names)


@cache
def paramstyle_of(connection: type) -> str:
    """The paramstyle of a class of connections: what its module, or a package around that, says of itself."""
    for cls in connection.__mro__:
        package = cls.__module__
        while package:
            style = getattr(sys.modules.get(package), "paramstyle", None)
            if style in PLACEHOLDERS:
                return str(style)
            package = package.rpartition(".")[0]
    raise TypeError(
        f"a connection of type {connection.__module__}.{connection.__qualname__} belongs to no DB-API module: "
        "name the style of its parameters, for example OffsetGuard(paramstyle='format')"
    )


def commits_by_itself(connection: Any) -> bool:
    """Whether a statement that was just made is committed already, as far as the driver says (sqlite3, psycopg do)."""
    if hasattr(connection, "in_transaction"):
        return connection.in_transaction is False
    status = getattr(getattr(connection, "info", None), "transaction_status", None)
    return status is not None and int(status) == 0  # libpq's PQTRANS_IDLE


def is_duplicate_key(error: Exception) -> bool:
    """Whether an insert met a row that is there."""
    return _is_a(error, "IntegrityError")


def is_away(error: Exception) -> bool:
    """Whether opening a connection failed for what the database, the network or a pool does."""
    return isinstance(error, OSError) or _is_a(error, "OperationalError") or _is_a(error, "InterfaceError")


def _is_a(error: Exception, name: str) -> bool:
    # Drivers have the names of PEP 249 in common, but no classes.
    return any(cls.__name__ == name for cls in type(error).__mro__)
