"""A handler of batches from a function of one record."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Coroutine, Iterator
from typing import Callable, cast, overload

from ._failures import Busy, Failure, Reject, Retry
from ._handler import is_async
from ._model import Batch, Record

log = logging.getLogger("kafka_sidecar")


@overload
def each(fn: Callable[[Record], Awaitable[None]]) -> Callable[[Batch], Awaitable[list[Failure]]]: ...


@overload
def each(fn: Callable[[Record], None]) -> Callable[[Batch], list[Failure]]: ...


def each(
    fn: Callable[[Record], None] | Callable[[Record], Awaitable[None]],
) -> Callable[[Batch], list[Failure]] | Callable[[Batch], Awaitable[list[Failure]]]:
    """Make a handler that calls fn with one record after the other, in order within a partition.

    fn returns to acknowledge the record. It raises
    - `Reject`: the record goes to the dead-letter policy, the next one of the partition is called;
    - `Retry`: the record comes again with all after it of its partition, which are not called now; other partitions go on;
    - `Busy`: nothing more is called; what was handled is acknowledged, all else comes again after that time;
    - anything else: logged with its traceback, then like `Retry`.

    To return anything but None is an error too: a Failure that is returned by mistake must not acknowledge its record.
    An async fn makes an async handler, for `asgi`.
    """
    if is_async(fn):
        async_fn = cast("Callable[[Record], Awaitable[object]]", fn)

        async def handle_async(batch: Batch) -> list[Failure]:
            run = Run(batch)
            for record in run.records():
                try:
                    must_be_none(await async_fn(record))
                except Exception as error:
                    run.failed(record, error)
            return run.failures

        return handle_async

    sync_fn = cast("Callable[[Record], object]", fn)

    def handle(batch: Batch) -> list[Failure]:
        run = Run(batch)
        for record in run.records():
            try:
                must_be_none(sync_fn(record))
            except Exception as error:
                run.failed(record, error)
        return run.failures

    return handle


class Run:
    """One pass over a batch: gives out the records to call with, takes what they raise, and collects the failures."""

    def __init__(self, batch: Batch) -> None:
        self.failures: list[Failure] = []
        self._batch = batch
        self._handled = 0
        self._partition_goes_on = True
        self._busy: Busy | None = None

    def records(self) -> Iterator[Record]:
        """The records to call with. A record that failed must have been given to `failed` before the next is taken."""
        for index, partition in enumerate(self._batch.partitions):
            self._partition_goes_on = True
            for record in partition.records:
                yield record
                if not self._partition_goes_on:
                    break
                self._handled += 1
            if self._busy is not None:
                for rest in self._batch.partitions[index + 1 :]:
                    self.failures.append(rest.records[0].retry(self._busy.reason, self._busy.after))
                return

    def failed(self, record: Record, error: Exception) -> None:
        """Note what the function raised for the record. Raises Busy if nothing was handled yet: then the batch can wait."""
        if isinstance(error, Reject):
            self.failures.append(record.reject(error.reason or ""))
            return
        if isinstance(error, Busy) and self._handled == 0:
            raise error
        self._partition_goes_on = False
        if isinstance(error, Busy):
            self._busy = error
        if isinstance(error, (Busy, Retry)):
            self.failures.append(record.retry(error.reason, error.after))
            return
        place = (record.topic, record.partition, record.offset)
        log.error("handler failed at %s/%d offset %d; the record comes again", *place, exc_info=error)
        self.failures.append(record.retry(type(error).__name__))


def must_be_none(result: object) -> None:
    """TypeError for a result: the function given to each says what failed by raising."""
    if result is not None:
        if isinstance(result, Coroutine):
            result.close()  # else Python warns that nobody awaits it
        raise TypeError(
            f"the function given to each returned a {type(result).__name__}: raise Reject or Retry, or return None"
        )
