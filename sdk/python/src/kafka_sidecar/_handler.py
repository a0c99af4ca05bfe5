"""What a handler is."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterable
from typing import Callable, Optional

from ._failures import Failure
from ._model import Batch

Handler = Callable[[Batch], Optional[Iterable[Failure]]]
"""Takes a batch. Returning None or no failure acknowledges all of it; failures name what is not acknowledged.

It may raise a Refusal; any other exception is a failed attempt of the batch. It may be a generator of failures. It is called in
several threads at once, never for the same partition.
"""

AsyncHandler = Callable[[Batch], Awaitable[Optional[Iterable[Failure]]]]
"""The same as a coroutine function, for asgi."""


def is_async(fn: object) -> bool:
    """Whether calling fn gives a coroutine: an async function, or an object whose __call__ is one."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004
