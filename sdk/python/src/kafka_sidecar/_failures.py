"""What a handler says about the records that it does not acknowledge.

It returns Failure objects, which name records, or it raises one of these:

    Exception
    └── Refusal
        ├── Reject         the record is at fault: hand it to the dead-letter policy
        ├── Retry          it failed this time: deliver it again
        └── Busy           the app can't take records now: deliver the batch again, count nothing
            └── StaleFence     (kafka_sidecar.sql) another process owns the partition now

Any other exception is a failed attempt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Action = Literal["retry", "reject"]


class Refusal(Exception):
    """The base of what a handler raises to refuse records; raise one of its subclasses.

    reason is text for logs, the status and dead letters; None for none. Put no keys or values of records in it.
    """

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(*(() if reason is None else (reason,)))
        self.reason = _checked_reason(reason)


class Reject(Refusal):
    """The record can't be processed, now or later: it goes to the dead-letter policy.

    Raised in a function given to `each`, it rejects that record, and the next one of the partition is called. Raised by a
    handler of a batch, it rejects the record of a batch of one; a larger batch is halved until the record stands alone.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class Retry(Refusal):
    """The record failed and is to be delivered again; this counts as a failed attempt.

    Raised in a function given to `each`, the record and all after it of its partition come again. Raised by a handler of a
    batch, the whole batch comes again. after is the wait in seconds; None leaves it to the sidecar's back-off.
    """

    def __init__(self, reason: str | None = None, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = _checked_after(after)


class Busy(Refusal):
    """The app can't take records now, for example because its database is away. Counts as no attempt of any record.

    The sidecar delivers the batch again after `after` seconds (rounded up; None is 1 second).
    """

    def __init__(self, reason: str | None = None, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = _checked_after(after)


@dataclass(frozen=True)
class Failure:
    """One record of a batch that is not acknowledged. Make it by `record.reject(…)` or `record.retry(…)`. Immutable.

    A "reject" goes to the dead-letter policy; a "retry" comes again with all records after it of its partition.
    retry_after is the wait in seconds of a retry; None leaves it to the sidecar's back-off.
    """

    topic: str
    partition: int
    offset: int
    action: Action
    reason: str | None = None
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.action not in ("retry", "reject"):
            raise ValueError(f'action is {self.action!r}: it must be "retry" or "reject"')
        _checked_reason(self.reason)
        _checked_after(self.retry_after)


def _checked_reason(reason: str | None) -> str | None:
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"reason is of type {type(reason).__name__}: it must be a str or None")
    return reason


def _checked_after(after: float | None) -> float | None:
    if after is None:
        return None
    if isinstance(after, bool) or not isinstance(after, (int, float)):
        raise TypeError(f"after is of type {type(after).__name__}: it must be a number of seconds or None")
    if not 0 <= after < math.inf:
        raise ValueError(f"after is {after!r}: it must be a number of seconds, 0 or more")
    return after
