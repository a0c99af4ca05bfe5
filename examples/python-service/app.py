"""A service that keeps customers' orders in a database, and writes each record of Kafka exactly once.

python app.py           receive records
python app.py totals    show the totals
"""

import json
import os
import sqlite3
import sys
from collections import Counter
from contextlib import closing

from kafka_sidecar import Record, Reject, serve
from kafka_sidecar.sql import OffsetGuard

DATABASE = os.environ.get("DATABASE", "orders.db")

guard = OffsetGuard()  # keeps the offsets in the same database, written in the same transaction


def connect() -> sqlite3.Connection:
    return sqlite3.connect(DATABASE)


def create_tables() -> None:
    with closing(connect()) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS orders (id BLOB PRIMARY KEY, customer TEXT, cents INTEGER, tags TEXT)"
        )
        guard.create_table(connection)


def store(connection: sqlite3.Connection, record: Record) -> None:
    """Store, change or delete one order. Returning acknowledges the record, Reject says that it will never be an order."""
    if record.key is None:
        raise Reject("the record has no key, so it is not known which order it is")
    if record.value is None:  # a tombstone: the order is cancelled
        connection.execute("DELETE FROM orders WHERE id = ?", [record.key])
        return
    customer, cents = parse(record)
    tags = [value.decode(errors="replace") for name, value in record.headers if name == "tag" and value is not None]
    connection.execute("REPLACE INTO orders VALUES (?, ?, ?, ?)", [record.key, customer, cents, json.dumps(tags)])


def parse(record: Record) -> tuple[str, int]:
    try:
        order = record.json()
    except ValueError:
        raise Reject("the value is not JSON in UTF-8") from None
    if isinstance(order, dict):
        customer, cents = order.get("customer"), order.get("cents")
        if isinstance(customer, str) and customer and type(cents) is int:
            return customer, cents
    raise Reject('the value is not {"customer": text, "cents": whole number}')


def totals() -> dict[str, Counter[str]]:
    customers: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    with closing(connect()) as connection:
        for customer, cents, tagged in connection.execute("SELECT customer, cents, tags FROM orders"):
            customers[customer] += cents
            tags.update(json.loads(tagged))
    return {"customers": customers, "tags": tags}


if __name__ == "__main__":
    create_tables()
    if sys.argv[1:] == ["totals"]:
        print(json.dumps(totals(), indent=2))
    else:
        serve(guard.each(connect, store), port=int(os.environ.get("PORT", "8080")))
