"""What is answered to what, through every way in: the pure core, TCP, a unix socket, ASGI and WSGI."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kafka_sidecar import Batch, Busy, Exchange, Failure, Reject, Retry, asgi, serve, wsgi
from kafka_sidecar.testing import encode
from support import (
    TRANSPORTS,
    Got,
    Handler,
    Request,
    Seen,
    headers_of,
    one_record,
    request_of,
    sign,
    two_partitions,
    vectors,
)

SECRET = "whsec_bmV2ZXIgdGVsbCBpdA=="
OLD_SECRET = "b2xkIG9uZQ=="


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: transport.__name__)
def transport(request: pytest.FixtureRequest) -> Any:
    return request.param


def ask(transport: Any, handler: Handler, request: Request, **options: Any) -> Got:
    with transport(handler, **options) as send:
        got: Got = send(request)
    return got


def refused(transport: Any, request: Request, **options: Any) -> Got:
    """What is answered without the handler being called."""
    handler = Seen()
    got = ask(transport, handler, request, **options)
    assert handler.batches == []
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.text.endswith("\n")
    assert got.text.count("\n") == 1, "one line"
    return got


def test_returning_acknowledges(transport: Any) -> None:
    handler = Seen()
    got = ask(transport, handler, request_of(two_partitions()))
    assert (got.status, got.body) == (200, b"")
    assert [(r.partition, r.offset) for r in handler.batches[0].records] == [(3, 1200), (3, 1201), (3, 1203), (4, 7)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probe(transport: Any, method: str) -> None:
    got = ask(transport, Seen(), Request({}, b"", method))
    assert (got.status, got.body) == (200, b"ok\n" if method == "GET" else b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(transport: Any, method: str) -> None:
    got = refused(transport, Request({}, b"", method))
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic geheim", "geheim", "Bearer geheim2", "Bearer g\xe9heim"],
)
def test_wrong_token(transport: Any, method: str, authorization: str | None) -> None:
    sent = one_record()
    request = Request(headers_of(sent, Authorization=authorization), encode(sent) if method == "POST" else b"", method)
    got = refused(transport, request, token="geheim")
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert "geheim" not in got.text


@pytest.mark.parametrize("authorization", ["Bearer geheim", "bearer  geheim"])
def test_right_token(transport: Any, authorization: str) -> None:
    assert ask(transport, Seen(), request_of(one_record(), Authorization=authorization), token="geheim").status == 200


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_right_signature_with_either_secret(transport: Any, secret: str) -> None:
    sent = one_record()
    request = request_of(sent, **sign(secret, sent.id, encode(sent)))
    assert ask(transport, Seen(), request, signing_secrets=[SECRET, OLD_SECRET]).status == 200


def bad_signatures() -> Iterator[Any]:
    sent = one_record()
    body = encode(sent)
    good = sign(SECRET, sent.id, body)
    now = time.time()
    yield pytest.param({}, "missing", id="none")
    yield pytest.param({**good, "webhook_signature": ""}, "missing", id="empty")
    yield pytest.param({**good, "webhook_timestamp": "soon"}, "not a number", id="no time")
    yield pytest.param({**good, "webhook_timestamp": "9" * 5000}, "not a number", id="long time")
    yield pytest.param({**good, "webhook_signature": "v1,AAAA v2,AAAA"}, "is wrong", id="wrong")
    yield pytest.param(
        {**good, "webhook_signature": good["webhook_signature"].replace("v1,", "v1a,")}, "is wrong", id="v1a"
    )
    yield pytest.param(sign(OLD_SECRET, sent.id, body), "is wrong", id="other secret")
    yield pytest.param(sign(SECRET, sent.id, body + b" "), "is wrong", id="other body")
    yield pytest.param(sign(SECRET, sent.id, body, now - 310), "300 s", id="too old")
    yield pytest.param(sign(SECRET, sent.id, body, now + 3600), "300 s", id="too new")
    yield pytest.param(sign(SECRET, "another", body), "webhook-id", id="other id")


@pytest.mark.parametrize(("headers", "says"), list(bad_signatures()))
def test_wrong_signature(transport: Any, headers: dict[str, str], says: str) -> None:
    got = refused(transport, request_of(one_record(), **headers), signing_secrets=[SECRET])
    assert got.status == 401
    assert says in got.text


@pytest.mark.parametrize(("version", "found"), [(None, "no Sidecar-Protocol"), ("2", "'2'"), ("1.0", "'1.0'")])
def test_another_protocol(transport: Any, version: str | None, found: str) -> None:
    got = refused(transport, request_of(one_record(), Sidecar_Protocol=version))
    assert got.status == 501
    assert found in got.text
    assert "version 1" in got.text


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/jsonl", "application/vnd.kafka-sidecar"])
def test_another_content_type(transport: Any, media_type: str | None) -> None:
    assert refused(transport, request_of(one_record(), Content_Type=media_type)).status == 415


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;v=1"])
def test_content_type_with_parameters(transport: Any, media_type: str) -> None:
    assert ask(transport, Seen(), request_of(one_record(), Content_Type=media_type)).status == 200


def test_body_above_the_limit(transport: Any) -> None:
    request = request_of(one_record())
    assert ask(transport, Seen(), request, max_body=len(request.body)).status == 200
    got = refused(transport, request, max_body=len(request.body) - 1)
    assert got.status == 413
    assert "max_body" in got.text


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b"\xff", b'{"batch":NaN}', b"null"])
def test_malformed_body(transport: Any, body: bytes) -> None:
    got = refused(transport, Request(headers_of(one_record()), body))
    assert got.status == 500
    assert got.text.startswith("malformed batch: ")


def test_batch_header_that_differs(transport: Any) -> None:
    got = refused(transport, request_of(one_record(), Sidecar_Batch="0" * 32))
    assert got.status == 500
    assert "Sidecar-Batch" in got.text


def test_batch_header_may_be_absent(transport: Any) -> None:
    assert ask(transport, Seen(), request_of(one_record(), Sidecar_Batch=None)).status == 200


def test_failures_are_sent_in_the_order_of_the_records(transport: Any) -> None:
    def handle(batch: Batch) -> list[Failure]:
        records = batch.records
        return [records[3].retry("later", 0.0005), records[2].reject("no such user"), records[0].retry()]

    got = ask(transport, handle, request_of(two_partitions()))
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert json.loads(got.body) == {
        "failures": [
            {"topic": "orders", "partition": 3, "offset": 1200, "action": "retry"},
            {"topic": "orders", "partition": 3, "offset": 1203, "action": "reject", "reason": "no such user"},
            {"topic": "orders", "partition": 4, "offset": 7, "action": "retry", "reason": "later", "retryAfterMs": 1},
        ]
    }


def test_handler_may_be_a_generator(transport: Any) -> None:
    def handle(batch: Batch) -> Iterator[Failure]:
        yield batch.records[1].reject("bad")

    assert b'"offset":1201' in ask(transport, handle, request_of(two_partitions())).body


def test_generator_that_raises_fails(transport: Any) -> None:
    def handle(batch: Batch) -> Iterator[Failure]:
        yield batch.records[1].reject("bad")
        raise ValueError("secret content")

    got = ask(transport, handle, request_of(two_partitions()))
    assert (got.status, got.text) == (500, "handler failed: ValueError\n")


@pytest.mark.parametrize(("after", "header"), [(None, "1"), (0, "0"), (2.1, "3"), (60, "60")])
def test_busy(transport: Any, after: float | None, header: str) -> None:
    got = ask(transport, Seen(Busy("database is away", after)), request_of(two_partitions()))
    assert (got.status, got.headers["retry-after"]) == (503, header)
    assert "database is away" in got.text


def test_retry_of_a_batch(transport: Any) -> None:
    got = ask(transport, Seen(Retry("locked", 1.5)), request_of(two_partitions()))
    entry = {"topic": "orders", "action": "retry", "reason": "locked", "retryAfterMs": 1500}
    assert got.status == 200
    assert json.loads(got.body)["failures"] == [
        {**entry, "partition": 3, "offset": 1200},
        {**entry, "partition": 4, "offset": 7},
    ]


def test_reject_of_a_batch(transport: Any) -> None:
    got = ask(transport, Seen(Reject("no such\nuser")), request_of(two_partitions()))
    assert (got.status, got.text) == (422, "rejected: no such user\n")
    got = ask(transport, Seen(Reject("no such user")), request_of(one_record()))
    assert got.status == 200
    assert json.loads(got.body)["failures"] == [
        {"topic": "orders", "partition": 3, "offset": 1200, "action": "reject", "reason": "no such user"}
    ]


class Odd(BaseException):
    pass


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (ValueError("secret content"), "ValueError"),
        (Odd(), "Odd"),
        (SystemExit(3), "SystemExit"),
        (RecursionError(), "RecursionError"),
        ("ok", "a failure is a str"),
        (200, "it returned a int"),
        (True, "it returned a bool"),
        ({"failures": []}, "a failure is a str"),
        ([None], "a failure is a NoneType"),
        ([Failure("orders", 3, 1202, "retry")], "orders/3 offset 1202, which is not in the batch"),
        ([Failure("orders", 5, 1200, "retry")], "not in the batch"),
        ([Failure("Orders", 3, 1200, "retry")], "not in the batch"),
        (
            lambda batch: [batch.records[0].retry(), batch.records[0].reject("x")],
            "two failures name orders/3 offset 1200",
        ),
    ],
    ids=str,
)
def test_failed_handler(transport: Any, outcome: Any, says: str, caplog: pytest.LogCaptureFixture) -> None:
    got = ask(transport, Seen(outcome), request_of(two_partitions()))
    assert got.status == 500
    assert got.text.startswith("handler failed: ")
    assert says in got.text
    assert "secret content" not in got.text
    [entry] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert entry.exc_info, "the log has the traceback"


def test_coroutine_of_a_sync_handler_fails(transport: Any) -> None:
    async def save(batch: Batch) -> None:
        raise AssertionError("nobody awaits this")

    got = ask(transport, lambda batch: save(batch), request_of(one_record()))
    assert got.status == 500
    assert "it returned a coroutine" in got.text


def test_next_request_is_taken_after_a_failed_one(transport: Any) -> None:
    outcomes: list[Any] = [ValueError(), Busy(), 5, None]
    with transport(lambda batch: Seen(outcomes.pop(0))(batch)) as send:
        assert [send(request_of(one_record())).status for _ in range(4)] == [500, 503, 500, 200]


@pytest.mark.parametrize(
    ("outcome", "request_", "status"),
    [
        (None, Request(headers_of(one_record()), b"{}"), 500),
        (None, request_of(one_record(), Sidecar_Protocol="2"), 501),
        (Busy("away"), request_of(one_record()), 503),
        (Reject("bad"), request_of(two_partitions()), 422),
    ],
)
def test_refusals_are_logged(outcome: Any, request_: Request, status: int, caplog: pytest.LogCaptureFixture) -> None:
    got = Exchange(Seen(outcome))(request_.headers, request_.body)
    [entry] = caplog.records
    assert (got.status, entry.name, entry.levelno) == (status, "kafka_sidecar", logging.WARNING)
    assert got.body.decode().rstrip() in entry.getMessage()


def test_long_reasons_are_cut() -> None:
    got = Exchange(lambda batch: [r.reject("x" * 2_000_000) for r in batch.records])(*request_of(two_partitions())[:2])
    assert got.status == 200
    assert len(got.body) < 5000


def test_answer_that_would_be_too_long_fails() -> None:
    """The sidecar would take it for a wrong set-up, for ever; a failed attempt is halved."""
    from kafka_sidecar.testing import batch, record

    sent = batch([record() for _ in range(1200)])
    got = Exchange(lambda batch: [r.reject("x" * 1000) for r in batch.records])(headers_of(sent), encode(sent))
    assert got.status == 500
    assert "above 1048576 bytes" in got.body.decode()


def test_reason_with_half_a_surrogate() -> None:
    got = Exchange(lambda batch: [batch.records[0].reject("a\ud800b")])(*request_of(one_record())[:2])
    assert json.loads(got.body)["failures"][0]["reason"] == "a?b"


def test_every_answer_is_in_the_class_that_it_means() -> None:
    """answer.json says what the sidecar takes a status for."""
    kinds: dict[int, set[str]] = {}
    for case in vectors("answer.json")["cases"]:
        kinds.setdefault(case["status"], set()).add(case["outcome"]["kind"])
    meant = {503: "busy", 422: "refused", 413: "refused", 500: "failed", 411: "failed"}
    meant.update(dict.fromkeys((401, 405, 415, 501), "setup"))
    assert {status: kinds[status] for status in meant} == {status: {kind} for status, kind in meant.items()}


@pytest.mark.parametrize(
    "case", [c for c in vectors("answer.json")["cases"] if c["outcome"].get("failures")], ids=lambda c: c["name"]
)
def test_failures_of_the_vectors(case: Any) -> None:
    """A handler that means the failures of a case gives an answer with these failures."""

    def handle(batch: Batch) -> Iterator[Failure]:
        for f in case["outcome"]["failures"]:
            after = f["retryAfterMs"] / 1000 or None
            yield Failure(f["topic"], f["partition"], f["offset"], f["action"], f["reason"], after)

    got = Exchange(handle)(*request_of(two_partitions())[:2])
    entries = json.loads(got.body)["failures"]
    assert got.status == 200
    assert [{"reason": "", "retryAfterMs": 0, **entry} for entry in entries] == case["outcome"]["failures"]


@pytest.mark.parametrize("make", [Exchange, wsgi, asgi, lambda handler, **o: serve(handler, port=0, **o)])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"token": ""}, "token is empty"),
        ({"signing_secrets": ["whsec_!"]}, r"signing_secrets\[0\]"),
        ({"signing_secrets": [SECRET, ""]}, r"signing_secrets\[1\]"),
        ({"max_body": 0}, "max_body is 0"),
    ],
)
def test_wrong_options(make: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(Seen(), **options)


def test_secrets_are_not_shown() -> None:
    with pytest.raises(TypeError, match="must be a sequence"):
        Exchange(Seen(), signing_secrets=SECRET)
    exchange = Exchange(Seen(), token="geheim", signing_secrets=[SECRET])
    assert "geheim" not in repr(exchange)


@pytest.mark.parametrize("make", [Exchange, wsgi, lambda handler: serve(handler, port=0)])
def test_async_handlers_are_for_asgi(make: Any) -> None:
    async def handle(batch: Batch) -> None: ...

    with pytest.raises(TypeError, match="only asgi"):
        make(handle)
