"""wsgi, under wsgiref (which checks the rules of PEP 3333) and werkzeug, mounted in Flask."""

from __future__ import annotations

import http.client
import io
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.validate import validator

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from kafka_sidecar import wsgi
from kafka_sidecar.testing import encode
from support import Gate, Seen, headers_of, in_thread, one_record, post, request_of, two_partitions


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None: ...


class ThreadingWSGIServer(socketserver.ThreadingMixIn, WSGIServer):
    pass


@contextmanager
def wsgiref_of(application: Any) -> Iterator[int]:
    with ThreadingWSGIServer(("127.0.0.1", 0), QuietHandler) as server:
        server.set_app(validator(application))
        with in_thread(server.serve_forever):
            try:
                yield server.server_port
            finally:
                server.shutdown()


@contextmanager
def werkzeug_of(application: Any) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, application, threaded=True)
    with in_thread(server.serve_forever):
        try:
            yield server.server_port
        finally:
            server.shutdown()
    server.server_close()


def mounted(application: Any) -> Any:
    app = flask.Flask("app")
    app.add_url_rule("/other", view_func=lambda: "the app's own page", endpoint="other")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/batches": application})  # type: ignore[method-assign]
    return app


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


@pytest.mark.parametrize("server", [wsgiref_of, werkzeug_of])
@pytest.mark.parametrize("wrap", [mounted, lambda application: application], ids=["flask", "alone"])
def test_servers(server: Any, wrap: Any) -> None:
    handler = Seen()
    with server(wrap(wsgi(handler, max_body=5000))) as port:
        good = request_of(two_partitions())
        assert post(connect(port), good).status == 200
        assert post(connect(port), good._replace(body=b" " * 6000)).status == 413
        assert post(connect(port), request_of(two_partitions(), Sidecar_Protocol="2")).status == 501
        assert post(connect(port), good._replace(method="PUT")).status == 405
        assert post(connect(port), good._replace(method="GET", body=b"")).text == "ok\n"
    assert len(handler.batches) == 1


def test_overlap_on_a_partition_is_busy() -> None:
    gate = Gate()
    with wsgiref_of(wsgi(gate)) as port:
        with in_thread(lambda: post(connect(port), request_of(one_record()))) as answer:
            assert gate.entered.wait(30)
            assert post(connect(port), request_of(one_record())).status == 503
            gate.open.set()
        assert answer[0].status == 200


def call(handler: Any, body: bytes, **environ: Any) -> str:
    """The status when a server hands over that input."""
    headers = headers_of(one_record())
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": headers["Content-Type"],
        "HTTP_SIDECAR_PROTOCOL": "1",
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    started: list[Any] = []
    b"".join(wsgi(handler)(environ, lambda *args: started.extend(args)))
    return str(started[0])


def test_body_that_is_cut_is_no_batch() -> None:
    handler = Seen()
    body = encode(one_record())
    assert call(handler, body[:-1], CONTENT_LENGTH=str(len(body))).startswith("500 ")
    assert handler.batches == []


def test_body_without_a_length() -> None:
    body = encode(one_record())
    assert call(Seen(), body) == "411 Length Required"
    assert call(Seen(), body, CONTENT_LENGTH="") == "411 Length Required"
    assert call(Seen(), body, **{"wsgi.input_terminated": True}) == "200 OK"


def test_bytes_behind_the_body_are_left_to_the_server() -> None:
    body = encode(one_record())
    assert call(Seen(), body + b"GET / HTTP/1.1", CONTENT_LENGTH=str(len(body))) == "200 OK"
