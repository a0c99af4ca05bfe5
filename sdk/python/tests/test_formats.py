"""Both body formats: the protocol's vectors, what is no batch, laziness, and garbage."""

from __future__ import annotations

import base64
import gc
import json
import random
import struct
import weakref
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from kafka_sidecar import Batch, Exchange, Record, _codec, _model
from kafka_sidecar._columns import parse_columns
from kafka_sidecar._json import parse_json
from kafka_sidecar.testing import batch_id, encode
from support import COLUMNS, JSON, Seen, b64, headers_of, one_record, two_partitions, vectors

pytestmark = pytest.mark.usefixtures("codec")

ENCODE = vectors("encode.json")["cases"]
MALFORMED_COLUMNS = vectors("columns-malformed.json")

FORMS: dict[str, Callable[[Any], Batch]] = {
    "auto": lambda case: parse_json(case["auto"].encode(), json_values=False),
    "json": lambda case: parse_json(case["json"].encode(), json_values=True),
    "base64": lambda case: parse_json(case["base64"].encode(), json_values=False),
    "columns": lambda case: parse_columns(base64.b64decode(case["columns"])),
    "columns in a bytearray": lambda case: parse_columns(bytearray(base64.b64decode(case["columns"]))),
}


def by_name(case: Any) -> str:
    return str(case["name"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ENCODE, ids=by_name)
def test_bodies_of_the_vectors(case: Any, form: str) -> None:
    got = FORMS[form](case)
    want = case["batch"]
    assert (got.id, got.group, got.attempt) == (case["id"], want["group"], want["attempt"])
    claims = [(p["topic"], p["partition"], p["fromOffset"], p["untilOffset"], p["fence"]) for p in want["partitions"]]
    assert [tuple(r) for r in got.ranges] == claims
    for partition, claim in zip(got.partitions, claims):
        assert claim == tuple(getattr(partition, name) for name in got.ranges[0]._fields)
    assert [content(r) for p in got.partitions for r in p.records] == [content(r) for r in got.records]
    assert [content(r) for r in got.records] == [
        wanted(p, record) for p in want["partitions"] for record in p["records"]
    ]


def content(record: Record) -> tuple[Any, ...]:
    headers = [(name.encode("utf-8", "surrogateescape"), value) for name, value in record.headers]
    place = (record.topic, record.partition, record.offset)
    return (*place, record.timestamp_ms, record.key, record.value, headers)


def wanted(partition: Any, record: Any) -> tuple[Any, ...]:
    headers = [(b64(h["name"]), b64(h["value"])) for h in record["headers"]]
    place = (partition["topic"], partition["partition"], record["offset"])
    return (*place, record["timestamp"], b64(record["key"]), b64(record["value"]), headers)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ENCODE, ids=by_name)
def test_text_and_json_agree_with_the_value(case: Any, form: str) -> None:
    for record in FORMS[form](case).records:
        value = record.value
        if value is None:
            assert record.text() is None
            assert record.json() is None
            continue
        assert outcome(record.text) == outcome(value.decode)
        assert outcome(record.json) == outcome(reference, value)


def reference(value: bytes) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON, though Python takes it")

    return json.loads(value.decode(), parse_constant=refuse)


def outcome(function: Callable[..., Any], *arguments: Any) -> str:
    try:
        return repr(function(*arguments))
    except ValueError:
        return "ValueError"


@pytest.mark.parametrize("case", vectors("id.json")["cases"], ids=by_name)
def test_ids_of_the_vectors(case: Any) -> None:
    ranges = [
        _model.OffsetRange(p["topic"], p["partition"], p["fromOffset"], p["untilOffset"], 1) for p in case["partitions"]
    ]
    assert batch_id(case["group"], ranges) == case["id"]


def ask(body: bytes, media_type: str) -> tuple[int, str, list[Batch]]:
    handler = Seen()
    response = Exchange(handler)(headers_of(one_record(), Content_Type=media_type, Sidecar_Batch=None), body)
    return response.status, response.body.decode(), handler.batches


@pytest.mark.parametrize("case", MALFORMED_COLUMNS["cases"], ids=by_name)
def test_malformed_columns_of_the_vectors(case: Any) -> None:
    status, says, batches = ask(base64.b64decode(case["body"]), COLUMNS)
    assert (status, batches) == (500, [])
    assert says.startswith("malformed batch: ")


def test_good_columns_of_the_vectors() -> None:
    assert ask(base64.b64decode(MALFORMED_COLUMNS["good"]), COLUMNS)[0] == 200


def changed(path: str, *value: Any) -> bytes:
    """The body of two_partitions with the field at the path set to the value, or removed."""
    body = json.loads(encode(two_partitions()))
    *parents, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    container = body
    for name in parents:
        container = container[name]
    if value:
        container[last] = value[0]
    else:
        del container[last]
    return json.dumps(body).encode()


P = "partitions.0"
R = "partitions.0.records.1"
HEADER = {"name": "n", "value": "v"}
NOT_64_BIT = [2**63, 2**64, 2**70, -(2**70)]

WRONG: dict[str, list[Any]] = {
    "batch": [None, 1, ["x"]],
    "group": [None, 1, ["x"]],
    "attempt": [None, "1", 0, -1, 1.0, True, *NOT_64_BIT],
    "partitions": [None, {}, [], "x", [None], [[]]],
    "partitions.1.partition": [3],
    f"{P}.topic": [None, 1],
    f"{P}.partition": [None, "3", -1, 3.5, False, 2**31, *NOT_64_BIT],
    f"{P}.fromOffset": [None, "1", -1, 1201, 1204, *NOT_64_BIT],
    f"{P}.untilOffset": [None, "1", 1203, 0, -1, 1.5, *NOT_64_BIT],
    f"{P}.fence": [None, "1", -1, *NOT_64_BIT],
    f"{P}.records": [None, {}, [], "x", 3, [None], [3], [[]]],
    f"{R}.offset": [None, "1201", 1200, 1203, 1204, 1199, -1, 1201.0, True, *NOT_64_BIT],
    f"{R}.timestamp": [None, "1", -2, 1.5, True, *NOT_64_BIT],
    f"{R}.key": [1, {}, [], True],
    f"{R}.keyBase64": ["AAE="],
    f"{R}.valueBase64": ["AAE="],
    f"{R}.headers": [
        *[None, {}, "x", [None], [1], [[]], [{}], [HEADER, {}], [{"name": "n"}], [{"value": "v"}]],
        *[[{**HEADER, "name": None}], [{**HEADER, "name": 1}], [{**HEADER, "nameBase64": ""}]],
        *[[{**HEADER, "value": 1}], [{**HEADER, "value": {}}], [{**HEADER, "valueBase64": ""}]],
    ],
}


@pytest.mark.parametrize(("path", "value"), [(path, v) for path, values in WRONG.items() for v in values], ids=str)
def test_fields_that_are_wrong(path: str, value: Any) -> None:
    status, says, batches = ask(changed(path, value), JSON)
    assert (status, batches) == (500, [])
    assert says.startswith("malformed batch: ")


REQUIRED = ["batch", "group", "attempt", "partitions"]
REQUIRED += [f"{P}.{name}" for name in ("topic", "partition", "fromOffset", "untilOffset", "fence", "records")]
REQUIRED += [f"{R}.{name}" for name in ("offset", "timestamp", "key", "value", "headers")]


@pytest.mark.parametrize("path", REQUIRED)
def test_fields_that_are_missing(path: str) -> None:
    status, says, batches = ask(changed(path), JSON)
    assert (status, batches) == (500, [])
    assert path.split(".")[-1] in says


@pytest.mark.parametrize(
    "text", [None, 1, "A", "AA", "AAA", "AAA=A", "A===", "====", "=", "AA=A", "AA=", "AA==AA==", "A A=", "AAE-", "é==="]
)
@pytest.mark.parametrize("name", ["key", "value"])
def test_base64_that_is_wrong(name: str, text: Any) -> None:
    body = json.loads(changed(f"{R}.{name}"))
    body["partitions"][0]["records"][1][f"{name}Base64"] = text
    status, says, _ = ask(json.dumps(body).encode(), JSON)
    assert status == 500
    assert f"{name}Base64" in says


def test_unknown_fields_are_ignored() -> None:
    body = json.loads(encode(two_partitions()))
    for container in (body, body["partitions"][0], body["partitions"][0]["records"][0]):
        container["later"] = {"partitions": [{"records": [{"value": 1}]}]}
    assert ask(json.dumps(body).encode(), JSON)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1]",
        "{} {}",
        "nul",
        '{"batch":NaN}',
        "\ufeff{}",
        "[" * 100_000 + "]" * 100_000,
        "1" * 5000,
        "-Infinity",
        "\0",
    ],
)
def test_bodies_that_are_not_json_or_no_batch(body: str) -> None:
    assert ask(body.encode(), JSON)[0] == 500


def test_body_in_another_encoding() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        assert ask(encode(two_partitions()).decode().encode(encoding), JSON)[0] == 500


def body_with(value: str, **fields: Any) -> bytes:
    """A body of one record whose "value" is that text of JSON."""
    body = json.loads(encode(one_record()))
    body["partitions"][0]["records"][0].update({"value": "HERE", **fields})
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).replace('"HERE"', value).encode()


@pytest.mark.parametrize(
    "value",
    [
        '{"a": [1, {"value": "]}"}, "\\"}", []], "b": {}}',
        " \n[1,\t2 ] ",
        '"x"',
        '"a\\\\"',
        "12345678901234567890123",
        "-9223372036854775809",
        "1e400",
        "-0.0",
        "true",
        "false",
        "{}",
        "[ ]",
        '"\\ud800"',
        '["\\ud83d\\ude00","€"]',
        '{"a":1,"a":2}',
    ],
)
def test_embedded_values(value: str) -> None:
    """The exact bytes, and what the standard library makes of them."""
    [record] = parse_json(body_with(value), json_values=True).records
    assert record.value == value.encode()
    assert record.text() == value
    assert repr(record.json()) == repr(json.loads(value))


def test_header_says_that_values_are_embedded() -> None:
    handler = Seen(lambda taken: None)
    for value in (None, "json", "text"):
        headers = headers_of(one_record(), Sidecar_Batch=None, Sidecar_Value=value)
        assert Exchange(handler)(headers, body_with('"x"')).status == 200
    assert [b.records[0].value for b in handler.batches] == [b"x", b'"x"', b"x"]


def test_embedded_values_without_the_header() -> None:
    """A string is text then, anything else can only be embedded JSON."""
    assert [r.value for r in parse_json(body_with('"x"'), json_values=False).records] == [b"x"]
    assert [r.value for r in parse_json(body_with('{"a":1}'), json_values=False).records] == [b'{"a":1}']


def test_embedded_values_in_a_body_with_everything() -> None:
    """The walk passes by other fields of the same name, escaped names, white space, and repeated fields of any type."""
    record = (
        r'{"value" : 1, "offset":0,"timestamp":-1,"key":"}\"{",'
        r'"headers":[{"name":"value","value":"]"}],"v\u0061lue": {"b":2} }'
    )
    ranges = '"topic":"t","partition":0,"fromOffset":0,"untilOffset":9,"fence":1'
    body = (
        ' {"x":[{"value":1}],"partitions":[{"records":[{"value":0}]},5],"partitions":{"records":[]},'
        '"batch":"b","group":"g","attempt":1,'
        f'"partitions" : [ {{{ranges},"records":5,"records":[1],"records":[ {record} ]}} ] }} '
    )
    for form in (bytes, bytearray):
        [got] = parse_json(form(body.encode()), json_values=True).records
        assert (got.value, got.json()) == (b' {"b":2} ', {"b": 2})


def test_embedded_values_that_are_nested_deeply() -> None:
    value = "[" * 700 + "]" * 700
    [record] = parse_json(body_with(value), json_values=True).records
    assert record.value == value.encode()


def test_strings_with_half_a_surrogate_do_not_crash() -> None:
    body = body_with(r'"a\ud800"', key="KEY", headers=[{"name": "NAME", "value": "KEY"}])
    body = body.replace(b"KEY", rb"\uD800").replace(b"NAME", rb"\udfff")
    [record] = parse_json(body, json_values=False).records
    assert record.text() == "a\ud800"
    assert record.value == b"a\xed\xa0\x80"
    assert record.key == b"\xed\xa0\x80"
    assert record.headers == [("\udfff", b"\xed\xa0\x80")]
    assert outcome(record.json) == "ValueError"


def test_integers_beyond_64_bits_in_text() -> None:
    [record] = parse_json(body_with('"[18446744073709551617]"'), json_values=False).records
    assert record.json() == [18446744073709551617]


def test_nothing_is_made_that_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Counted(Record):
        def __init__(self) -> None:
            made.append("record")

    monkeypatch.setattr(_model, "Record", Counted)
    for name in ("_json._JSONRows", "_columns._ColumnRows"):
        for part in ("key", "value", "headers"):
            path = f"kafka_sidecar.{name}.{part}"
            monkeypatch.setattr(path, lambda *_: pytest.fail("nobody looked at it"))
    case = next(c for c in ENCODE if c["name"] == "gaps between records")
    for form in FORMS.values():
        got = form(case)
        assert len(got.records) > 2
        assert got.ranges
        assert made == []
        assert [got.records[1].offset, got.records[-1].offset] == [10, got.records[-1].offset]
        assert made == ["record"] * 3
        made.clear()
        assert [record.offset for record in got.records][1] == 10
        assert len(made) == len(got.records)
        made.clear()


def test_embedded_bytes_are_only_looked_for_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kafka_sidecar._json.value_spans", lambda _: pytest.fail("nobody asked"))
    [record] = parse_json(body_with('{"a":1}'), json_values=True).records
    assert record.json() == {"a": 1}


def test_a_batch_is_freed_without_the_collector() -> None:
    class Body(bytearray):
        pass

    gc.disable()
    try:
        body = Body(encode(two_partitions()))
        gone = weakref.ref(body)
        parsed = parse_json(body, json_values=False)
        assert [r.value for r in parsed.records]
        del body, parsed
        assert gone() is None
    finally:
        gc.enable()


MUTATIONS = 3000


@pytest.mark.parametrize("form", ["auto", "json", "base64", "columns"])
def test_mutated_bodies_never_raise_and_what_is_taken_holds(form: str, codec: str) -> None:
    """A mutated body is refused, or is a batch that keeps every promise of a batch."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    cases = [c for c in ENCODE if len(c["columns"]) < 2000]
    media_type = COLUMNS if form == "columns" else JSON
    taken = 0
    for _ in range(MUTATIONS):
        case = chance.choice(cases)
        body = bytearray(base64.b64decode(case[form]) if form == "columns" else case[form].encode())
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            mutate(body, chance)
        status, says, batches = ask(bytes(body), media_type)
        assert status in (200, 500), says
        assert "handler failed" not in says
        if status == 200:
            taken += 1
            check_promises(batches[0])
    assert taken, "some mutations change nothing that matters"


def mutate(body: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(body)) if body else 0
    kind = chance.randrange(5)
    if kind == 0 and body:
        body[at] ^= 1 << chance.randrange(8)
    elif kind == 1 and body:
        del body[at : at + chance.randrange(1, 9)]
    elif kind == 2:
        body[at:at] = chance.choice(
            [b"0", b'"', b",", b"\\", b"{", b"null", b"\xff", b"-1", b"9" * 20, b"\\ud800", b" "]
        )
    elif kind == 3:
        body[at : at + 4] = struct.pack("<i", chance.choice([-1, -2, 0, 1, 255, 2**31 - 1]))
    else:
        body[at:at] = body[at : at + chance.randrange(1, 60)]


def check_promises(taken: Batch) -> None:
    assert taken.partitions
    assert len({(p.topic, p.partition) for p in taken.partitions}) == len(taken.partitions)
    for partition in taken.partitions:
        offsets = [r.offset for r in partition.records]
        assert offsets
        assert offsets == sorted(set(offsets))
        assert partition.from_offset <= offsets[0]
        assert offsets[-1] < partition.until_offset < 2**63
        for record in partition.records:
            assert record.timestamp_ms >= -1
            for part in (record.key, record.value):
                assert part is None or type(part) is bytes
            for name, value in record.headers:
                assert type(name) is str
                assert value is None or type(value) is bytes
            outcome(record.json)
            outcome(record.text)


def test_mutations_get_the_same_answer_with_and_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    for case in ENCODE[:30]:
        for _ in range(20):
            body = bytearray(case["auto"].encode())
            mutate(body, chance)
            answers = []
            for loads in (orjson.loads, None):
                monkeypatch.setattr(_codec, "fast_loads", loads)
                answers.append(ask(bytes(body), JSON)[:2])
            assert answers[0] == answers[1], bytes(body)
