"""serve as the main function of a process: signals, exit codes, what is printed."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kafka_sidecar import serve
from support import in_thread, one_record, post, request_of, wait_until_refused

APP = """
import logging, os, signal, sys, threading
logging.basicConfig(format="%(message)s", level="INFO", stream=sys.stdout)
from kafka_sidecar import serve

def handle(batch):
    print("entered", flush=True)
    {body}
    print("left", flush=True)

before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
serve(handle, port=0)
assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
print("after serve", flush=True)
"""

WAIT = "sys.stdin.readline()"
WAIT_FOR_EVER = "threading.Event().wait()"


class App:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = int(self.wait_for("listening on").rsplit(":", 1)[1])

    def wait_for(self, text: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"the app ended without saying {text!r}")

    def post(self) -> Any:
        try:
            return post(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), request_of(one_record())).status
        except (http.client.HTTPException, OSError) as error:
            return type(error)

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@contextmanager
def app(body: str = "pass") -> Iterator[App]:
    command = [sys.executable, "-c", APP.format(body=body)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield App(process)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_gracefully(number: signal.Signals) -> None:
    with app(WAIT) as running, in_thread(running.post) as answer:
        running.wait_for("entered")
        running.process.send_signal(number)
        wait_until_refused(running.port)
        running.let_go()
        code, output = running.end()
    assert answer == [200]
    assert code == 0
    assert output.splitlines() == ["left", "stopped", "after serve"]


def test_signal_without_a_request_stops_at_once() -> None:
    with app() as running:
        assert running.post() == 200
        running.process.terminate()
        assert running.end()[0] == 0


def test_second_signal_has_its_previous_effect() -> None:
    with app(WAIT_FOR_EVER) as running, in_thread(running.post) as answer:
        running.wait_for("entered")
        running.process.send_signal(signal.SIGTERM)
        wait_until_refused(running.port)
        running.process.send_signal(signal.SIGTERM)
        assert running.end()[0] == -signal.SIGTERM
    assert answer != [200], "never an acknowledgement"


def test_second_interrupt_raises_keyboard_interrupt() -> None:
    with app(WAIT_FOR_EVER) as running, in_thread(running.post) as answer:
        running.wait_for("entered")
        running.process.send_signal(signal.SIGINT)
        wait_until_refused(running.port)
        running.process.send_signal(signal.SIGINT)
        code, output = running.end()
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in output
    assert answer != [200]


@pytest.mark.parametrize(("argument", "code"), [("3", 3), ("", 0), ("'out of memory'", 1)])
def test_sys_exit_of_a_handler_stops_with_its_status(argument: str, code: int) -> None:
    with app(f"sys.exit({argument})") as running:
        assert running.post() == 500
        got, output = running.end()
    assert got == code
    assert "after serve" not in output
    assert "stopped" in output


def test_os_exit_of_a_handler_is_no_acknowledgement() -> None:
    with app("os._exit(0)") as running:
        assert running.post() is http.client.RemoteDisconnected
        assert running.end()[0] == 0


def test_port_in_use_is_one_line() -> None:
    with app() as running:
        command = [sys.executable, "-c", f"from kafka_sidecar import serve; serve(print, port={running.port})"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.startswith(f"kafka_sidecar: 127.0.0.1:{running.port} is in use")
    assert second.stderr.count("\n") == 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_serve_in_another_thread_leaves_signals_alone() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    port = free_port()

    def handle(batch: object) -> None:
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
        raise SystemExit(7)

    def run() -> object:
        with pytest.raises(SystemExit) as raised:
            serve(handle, port=port)
        return raised.value.code

    with in_thread(run) as codes:
        while True:
            try:
                got = post(http.client.HTTPConnection("127.0.0.1", port, timeout=30), request_of(one_record()))
                break
            except ConnectionRefusedError:
                pass
    assert got.text == "handler failed: SystemExit\n"
    assert codes == [7]
