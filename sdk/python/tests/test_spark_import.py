"""What kafka_sidecar.spark does without pyspark. The rest of its tests, which need pyspark and Java, is in tests_spark."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from kafka_sidecar.spark import batch_id, foreach_batch
from kafka_sidecar.testing import batch, record


def test_says_what_is_missing_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ImportError, match=r"kafka_sidecar.spark needs pyspark: install the version of your Spark"):
        foreach_batch(cast("Any", None), print)


def test_a_repeat_has_the_same_id() -> None:
    first, again, other = (
        batch([record(offset=offset)], attempt=attempt) for offset, attempt in ((1, 1), (1, 2), (2, 1))
    )
    assert batch_id(first) == batch_id(again) != batch_id(other)


def test_ids_are_not_negative_and_fit_a_long() -> None:
    ids = [batch_id(batch([record(offset=offset)])) for offset in range(200)]
    assert all(0 <= number < 2**63 for number in ids)
    assert max(ids) >= 2**62  # all 63 bits are used
    assert len(set(ids)) == len(ids)
