"""each: what the function of one record raises, and what becomes of the batch."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Callable

import pytest

from kafka_sidecar import Batch, Busy, Record, Reject, Retry, each
from kafka_sidecar._handler import is_async
from kafka_sidecar.testing import Answer, batch, deliver, record
from support import at, two_partitions


class Function:
    """Raises what is planned for an offset of orders/3 or orders/4, and notes its calls."""

    def __init__(self, plan: dict[int, BaseException]) -> None:
        self.plan = plan
        self.calls: list[int] = []

    def __call__(self, taken: Record) -> None:
        self.calls.append(taken.offset)
        if taken.offset in self.plan:
            raise self.plan[taken.offset]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[[dict[int, BaseException]], tuple[Answer, list[int]]]:
    """The answer to two_partitions, and the offsets that the function was called with."""

    def run_it(plan: dict[int, BaseException]) -> tuple[Answer, list[int]]:
        function = Function(plan)

        async def async_function(taken: Record) -> None:
            await asyncio.sleep(0)
            function(taken)

        handler: Any = each(function) if request.param == "sync" else each(async_function)
        return deliver(handler, two_partitions()), function.calls

    return run_it


Run = Callable[[dict[int, BaseException]], tuple[Answer, list[int]]]


def failures(answer: Answer) -> list[tuple[Any, ...]]:
    assert answer.kind == "acked"
    return [(f.offset, f.action, f.reason, f.retry_after) for f in answer.failures]


def test_all_is_well(run: Run) -> None:
    answer, calls = run({})
    assert failures(answer) == []
    assert calls == [1200, 1201, 1203, 7]


def test_reject_goes_on_with_the_next_record(run: Run) -> None:
    answer, calls = run({1201: Reject("no such user")})
    assert failures(answer) == [(1201, "reject", "no such user", None)]
    assert calls == [1200, 1201, 1203, 7]


def test_retry_leaves_the_rest_of_the_partition(run: Run) -> None:
    answer, calls = run({1201: Retry("locked", 0.5)})
    assert failures(answer) == [(1201, "retry", "locked", 0.5)]
    assert calls == [1200, 1201, 7]


def test_anything_else_is_logged_and_retried(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    answer, calls = run({1201: KeyError("secret content")})
    assert failures(answer) == [(1201, "retry", "KeyError", None)]
    assert calls == [1200, 1201, 7]
    [entry] = caplog.records
    assert (entry.levelno, entry.getMessage()) == (
        logging.ERROR,
        "handler failed at orders/3 offset 1201; the record comes again",
    )
    assert entry.exc_info


def test_busy_before_anything_was_handled(run: Run) -> None:
    answer, calls = run({1200: Busy("database is away", 5)})
    assert (answer.kind, answer.retry_after) == ("busy", 5)
    assert calls == [1200]


def test_busy_after_a_retry_only(run: Run) -> None:
    """Nothing was handled: all of it can wait, without an attempt being counted."""
    answer, calls = run({1200: Retry(), 7: Busy()})
    assert answer.kind == "busy"
    assert calls == [1200, 7]


def test_busy_later_acknowledges_what_was_handled(run: Run) -> None:
    answer, calls = run({1200: Reject("bad"), 1201: Busy("database is away", 5)})
    assert failures(answer) == [
        (1200, "reject", "bad", None),
        (1201, "retry", "database is away", 5),
        (7, "retry", "database is away", 5),
    ]
    assert calls == [1200, 1201]


def test_busy_in_the_last_partition(run: Run) -> None:
    answer, calls = run({7: Busy()})
    assert failures(answer) == [(7, "retry", None, None)]
    assert calls == [1200, 1201, 1203, 7]


def test_sys_exit_is_not_caught(run: Run) -> None:
    answer, calls = run({1201: SystemExit(1)})
    assert (answer.kind, answer.status) == ("failed", 500)
    assert calls == [1200, 1201]


def test_returning_a_failure_by_mistake_does_not_acknowledge() -> None:
    answer = deliver(each(lambda r: r.reject("bad")), two_partitions())  # type: ignore[arg-type,return-value]
    assert failures(answer) == [(1200, "retry", "TypeError", None), (7, "retry", "TypeError", None)]


def test_coroutine_that_nobody_awaits_does_not_acknowledge() -> None:
    async def save(taken: Record) -> None:
        raise AssertionError("nobody awaits this")

    def call(taken: Record) -> Any:
        return save(taken)

    answer = deliver(each(call), batch([at(3, 1200)]))
    assert failures(answer) == [(1200, "retry", "TypeError", None)]


def test_async_functions_make_async_handlers() -> None:
    async def save(taken: Record) -> None: ...

    assert is_async(each(save))
    assert not is_async(each(lambda taken: None))


def test_handlers_can_be_used_at_once_and_again() -> None:
    function = Function({})
    handler = each(function)
    for _ in range(2):
        assert deliver(handler, batch([record(), record()])).failures == ()
    assert function.calls == [0, 1, 0, 1]


def test_each_is_a_handler_of_batches() -> None:
    def handle(taken: Batch) -> Any:
        return each(Function({1201: Reject("bad")}))(taken)

    assert failures(deliver(handle, two_partitions())) == [(1201, "reject", "bad", None)]
