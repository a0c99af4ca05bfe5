"""The code of the README's section about databases runs as it stands there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kafka_sidecar
from kafka_sidecar import Handler
from kafka_sidecar.testing import batch, deliver, record

README = Path(__file__).parent.parent / "README.md"


def blocks(heading: str) -> Iterator[str]:
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    yield from re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def test_both_ways_apply_each_order_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Handler] = []
    monkeypatch.setattr(kafka_sidecar, "serve", lambda handler, port: served.append(handler))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in blocks("Exactly once into a database"):
        exec(code, names)
    by_records, by_each = served
    orders = batch([record('{"id": "a", "cents": 5}'), record('{"id": "b", "cents": 7}'), record("{}")])

    assert deliver(by_records, orders).kind == "failed"  # {} has no id: nothing of the batch is applied
    assert [(f.offset, f.reason) for f in deliver(by_each, orders).failures] == [(2, "the order has no id")]
    deliver(
        by_records, batch([record('{"id": "b", "cents": 7}', offset=1), record('{"id": "c", "cents": 9}', offset=2)])
    )
    with closing(sqlite3.connect("orders.db")) as connection:
        assert connection.execute("SELECT id, cents FROM orders").fetchall() == [("a", 5), ("b", 7), ("c", 9)]
