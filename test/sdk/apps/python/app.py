"""An app of the end-to-end tests: does with a record what the record's value says, and logs what it did.

A value is a command, by itself or before a colon; anything else is applied.

    reject:<reason>   the record can never be handled
    retry:<ms>        it is to come again after so many milliseconds; the first time only
    raise:<n>         an unexpected error, the first n times
    block             waits until the file "open" stands in the folder of the app; the first time only
    stall             the same, before any record of its batch is looked at
    exit              the process dies at once, the first time only
    exit-after        the process dies when its batch is handled and before it is answered, the first time only

With APP_DATABASE it keeps the table "totals" there in the batch's own transaction: of each key the records seen and the
sum of their offsets. A command is obeyed after the write, which it may have to undo.

Settings, as environment variables: APP_LISTEN (host:port, or the path of a socket), APP_STATE (a folder for its log and for
what it did once), APP_TOKEN, APP_DATABASE.
"""

import base64
import json
import logging
import os
import threading
import time
from pathlib import Path

from kafka_sidecar import Reject, Retry, each, serve

STATE = Path(os.environ["APP_STATE"])
BLOCKED_AT_MOST = 60  # seconds


class Log:
    """One JSON object per line, each written with one call, so that a killed process leaves whole lines."""

    def __init__(self):
        self._file = os.open(STATE / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._lock = threading.Lock()

    def write(self, event, **fields):
        line = json.dumps({"event": event, "at": time.time_ns() // 1_000_000, **fields}) + "\n"
        with self._lock:
            os.write(self._file, line.encode())

    def record(self, outcome, record):
        self.write(
            "record",
            outcome=outcome,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp_ms,
            key=encoded(record.key),
            value=encoded(record.value),
            headers=[
                [encoded(name.encode("utf-8", "surrogateescape")), encoded(value)] for name, value in record.headers
            ],
        )


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()


log = Log()


def first_time(record, what, times=1):
    """Whether this process and those before it have come here fewer times for the record; counts."""
    for n in range(times):
        try:
            (STATE / f"{what}-{record.partition}-{record.offset}-{n}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return True
    return False


def wait_until_open():
    end = time.monotonic() + BLOCKED_AT_MOST
    while not (STATE / "open").exists() and time.monotonic() < end:
        time.sleep(0.01)


def die():
    os._exit(9)


def command_of(record):
    return (record.value or b"").decode("utf-8", "replace").partition(":")[::2]


class App:
    """Obeys the commands; one thread at a time handles a partition, and the tests use one request at a time."""

    def __init__(self):
        self._dies_after = False

    def apply(self, record):
        """Applies a record, or does what its value says."""
        command, argument = command_of(record)
        if command == "reject":
            log.record("reject", record)
            raise Reject(argument)
        if command == "retry" and first_time(record, command):
            log.record("retry", record)
            raise Retry("told to", after=int(argument) / 1000)
        if command == "raise" and first_time(record, command, int(argument)):
            log.record("raise", record)
            raise ValueError("told to")
        if command == "block" and first_time(record, command):
            wait_until_open()
        if command == "exit" and first_time(record, command):
            die()
        if command == "exit-after" and first_time(record, command):
            self._dies_after = True
        log.record("applied", record)

    def around(self, handler):
        """A handler that logs begin and end of another."""

        def handle(batch):
            names = ("topic", "partition", "from", "until", "fence")
            log.write("begin", batch=batch.id, ranges=[dict(zip(names, r)) for r in batch.ranges])
            outcome = "answered"
            try:
                for record in batch.records:
                    if command_of(record)[0] == "stall" and first_time(record, "stall"):
                        wait_until_open()
                failures = handler(batch)
                if self._dies_after:
                    die()
                return failures
            except BaseException as error:
                outcome = type(error).__name__
                raise
            finally:
                log.write("end", batch=batch.id, outcome=outcome)

        return handle


def keeping_totals(app):
    """A handler that keeps the totals in the database, each record exactly once."""
    import psycopg
    from kafka_sidecar.sql import OffsetGuard

    def connect():
        return psycopg.connect(os.environ["APP_DATABASE"])

    def add(connection, record):
        connection.execute(
            "INSERT INTO totals (key, records, offsets) VALUES (%s, 1, %s) ON CONFLICT (key) DO UPDATE "
            "SET records = totals.records + 1, offsets = totals.offsets + excluded.offsets",
            (record.key.decode(), record.offset),
        )
        app.apply(record)

    guard = OffsetGuard()
    with connect() as connection:
        guard.create_table(connection)
    return guard.each(connect, add)


def main():
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    log.write("start")
    app = App()
    handler = keeping_totals(app) if "APP_DATABASE" in os.environ else each(app.apply)
    listen = os.environ["APP_LISTEN"]
    place = {"unix": listen} if listen.startswith("/") else {"port": int(listen.rpartition(":")[2])}
    serve(app.around(handler), token=os.environ.get("APP_TOKEN"), **place)


if __name__ == "__main__":
    main()
