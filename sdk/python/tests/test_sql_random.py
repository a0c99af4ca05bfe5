"""OffsetGuard against a model: random ranges, repeats, crashes, failures and takeovers, and each record takes effect once."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from databases import Database, sqlite
from kafka_sidecar import Batch, Record, Reject, Retry
from kafka_sidecar.sql import OffsetGuard, StaleFence
from kafka_sidecar.testing import batch, record


class Crash(BaseException):
    """The process ends here."""


class Sidecar:
    """What a sidecar does with the log of two partitions, as far as it matters here: it delivers from its durable offsets,
    goes on after what was acknowledged, and after a crash begins again at any offset between the two."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.log = {part: self._log() for part in (0, 1)}
        self.poison = {(part, o) for part, log in self.log.items() for o in log if rng.random() < 0.05}
        self.durable = {0: 0, 1: 0}
        self.acked = {0: 0, 1: 0}
        self.dead: set[tuple[int, int]] = set()
        self.fence = 1

    def _log(self) -> list[int]:
        return sorted(self.rng.sample(range(120), 80))  # with gaps

    def done(self) -> bool:
        return all(self.acked[part] > log[-1] for part, log in self.log.items())

    def next_batch(self) -> Batch:
        parts = [part for part, log in self.log.items() if self.acked[part] <= log[-1]]
        records = []
        for part in self.rng.sample(parts, self.rng.randint(1, len(parts))):
            left = [offset for offset in self.log[part] if offset >= self.acked[part]]
            records += [record(partition=part, offset=o) for o in left[: self.rng.randint(1, 12)]]
        begins = {("test", part): self.acked[part] for part in (0, 1)}
        return batch(records, fence=self.fence, from_offsets=begins)

    def take(self, sent: Batch, failures: list[Any]) -> None:
        ends = {claim.partition: claim.until_offset for claim in sent.ranges}
        for failure in reversed(failures):  # the first of a partition decides
            if failure.action == "retry" or self.rng.random() < 0.5:
                ends[failure.partition] = failure.offset
            else:
                self.dead.add((failure.partition, failure.offset))
                ends[failure.partition] = max(failure.offset + 1, ends[failure.partition])
        self.acked.update(ends)
        for part in ends:
            self.durable[part] = self.rng.randint(self.durable[part], self.acked[part])

    def crash(self) -> None:
        """Another process takes over; what was acknowledged since the last durable commit comes again."""
        self.fence += self.rng.randint(1, 3)
        self.acked = dict(self.durable)


class App:
    """An app that crashes and fails at random."""

    def __init__(self, rng: random.Random, database: Database, poison: set[tuple[int, int]]) -> None:
        self.rng, self.database, self.poison = rng, database, poison
        self.guard = OffsetGuard()

    def each(self, sent: Batch) -> list[Any]:
        return list(self.guard.each(self.database.connect, self._apply)(sent))

    def records(self, sent: Batch) -> list[Any]:
        """A handler with its own loop; it leaves poison to `each`."""
        if any((r.partition, r.offset) in self.poison for r in sent.records):
            return self.each(sent)
        with self.database.transaction() as connection:
            for item in self.guard.records(connection, sent):
                self.database.add(connection, item)
                self._maybe_crash()
        return []

    def _apply(self, connection: Any, item: Record) -> None:
        self._maybe_crash()
        self.database.add(connection, item)
        if (item.partition, item.offset) in self.poison:
            raise Reject("poison")
        if self.rng.random() < 0.03:
            raise Retry("not now")
        if self.rng.random() < 0.03:
            self.database.fail(connection, item)

    def _maybe_crash(self) -> None:
        if self.rng.random() < 0.01:
            raise Crash


@pytest.mark.parametrize("seed", [random.randrange(1 << 32) for _ in range(10)])
def test_each_record_takes_effect_once(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    database, sidecar = sqlite(tmp_path), Sidecar(rng)
    app = App(rng, database, sidecar.poison)
    zombie = None  # a batch of an earlier owner that arrives late
    for _ in range(5000):
        sent = zombie if zombie and rng.random() < 0.2 else sidecar.next_batch()
        try:
            failures = rng.choice([app.each, app.records])(sent)
            if rng.random() < 0.1:
                raise Crash  # between the commit and the answer
        except Crash:
            zombie = sent
            sidecar.crash()
        except StaleFence:
            assert sent is zombie
        else:
            if sent is not zombie:
                sidecar.take(sent, failures)
        if sidecar.done():
            break
    assert_once_and_in_order(database, sidecar)


def assert_once_and_in_order(database: Database, sidecar: Sidecar) -> None:
    for part, log in sidecar.log.items():
        applied = [offset for _, p, offset in database.applied() if p == part]
        assert applied == [offset for offset in log if (part, offset) not in sidecar.poison]
        assert {o for p, o in sidecar.dead if p == part} == {o for p, o in sidecar.poison if p == part}
