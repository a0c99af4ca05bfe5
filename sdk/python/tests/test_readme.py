"""The code of the README runs as it stands there, and does what the text says."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kafka_sidecar
from kafka_sidecar.testing import batch, deliver, record
from support import call_asgi, request_of, two_partitions

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in README.split("\n## ")[1:]}

ORDERS = [record('{"id": "a"}'), record('{"name": "b"}'), record('{"id": "locked"}'), record('{"id": "c"}')]


class Page:
    """The names that the blocks of a section leave behind, and what they would serve."""

    def __init__(self, section: str) -> None:
        self.names: dict[str, Any] = {"__name__": "app"}
        self.served: list[Any] = []
        patch = pytest.MonkeyPatch()
        patch.setattr(kafka_sidecar, "serve", lambda handler, port: self.served.append(handler))
        try:
            for block in blocks(section):
                exec(block, self.names)
        finally:
            patch.undo()


def blocks(section: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", SECTIONS[section], re.DOTALL | re.MULTILINE)


def failures(handler: Any, *records: Any) -> list[tuple[Any, ...]]:
    answer = deliver(handler, batch(records))
    assert answer.kind == "acked"
    return [(f.offset, f.action, f.reason) for f in answer.failures]


def test_five_lines(capsys: pytest.CaptureFixture[str]) -> None:
    [handler] = Page("Five lines").served
    assert failures(handler, ORDERS[0]) == []
    assert capsys.readouterr().out == "test 0 0 {'id': 'a'}\n"


def test_one_record_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    [handler] = Page("One record at a time").served
    assert failures(handler, *ORDERS) == [
        (1, "reject", "the order has no id"),
        (2, "retry", "the order is locked"),
    ]
    assert capsys.readouterr().out == "saved a\n"


def test_whole_batches(capsys: pytest.CaptureFixture[str]) -> None:
    [handler] = Page("Whole batches").served
    assert failures(handler, *ORDERS) == [(1, "reject", "not an order")]
    assert capsys.readouterr().out == "[(0, 'a'), (2, 'locked'), (3, 'c')]\n"
    busy = deliver(handler, batch([record("no JSON")]))
    assert (busy.kind, busy.retry_after) == ("busy", 5)


def test_in_an_app_that_has_a_server() -> None:
    section = "In an app that has a server"
    asgi_block, wsgi_block, exchange_block = blocks(section)
    names: dict[str, Any] = {"__name__": "app"}
    sent = request_of(two_partitions())

    exec(asgi_block, names)
    for request in (sent, sent._replace(method="GET")):
        assert asyncio.run(call_asgi(names["app"], request)).status == 200

    exec(wsgi_block, names)
    answer = names["app"].test_client().post("/batches", data=sent.body, headers=sent.headers)
    assert answer.status_code == 200

    exec(exchange_block, names)
    assert names["status"] == 500


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    Page("Options")
    assert re.fullmatch(r"listening on port \d+\n", capsys.readouterr().out)


def test_testing() -> None:
    Page("Testing").names["test_tombstones_are_rejected"]()


def all_blocks() -> Iterator[str]:
    for section in SECTIONS:
        if blocks(section):
            yield section


def test_every_section_with_code_has_a_test() -> None:
    here = ["Five lines", "One record at a time", "Whole batches", "In an app that has a server", "Options"]
    assert list(all_blocks()) == [*here, "Exactly once into a database", "Testing"]  # test_sql_readme has databases


@pytest.mark.parametrize("name", ["serve", "Server", "asgi", "wsgi", "Exchange"])
def test_options_of_the_table_are_all_options(name: str) -> None:
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", SECTIONS["Options"], re.MULTILINE)
    documented = {
        option
        for options, owners in rows
        for option in re.findall(r"`(\w+)`", options)
        if owners == "all" or name in owners
    }
    parameters = inspect.signature(getattr(kafka_sidecar, name)).parameters
    assert documented == {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
