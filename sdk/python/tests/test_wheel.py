"""The wheel, in an empty environment of the oldest Python that is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

USE = """
import json, logging, sys, threading, urllib.request
import kafka_sidecar
from kafka_sidecar import Batch, serve
from kafka_sidecar.testing import batch, encode, record

assert "orjson" not in sys.modules
sent = batch([record('{"id": 1}')])
taken = []

def handle(batch: Batch) -> None:
    taken.append(batch.records[0].json())
    sys.exit(7)

def post(record) -> None:
    port = record.getMessage().rsplit(":", 1)
    if port[0].startswith("listening"):
        headers = {"Content-Type": "application/json", "Sidecar-Protocol": "1"}
        request = urllib.request.Request("http://127.0.0.1:" + port[1], encode(sent), headers)
        threading.Thread(target=urllib.request.urlopen, args=[request], daemon=True).start()

handler = logging.Handler()
handler.emit = post
logging.getLogger("kafka_sidecar").addHandler(handler)
logging.getLogger("kafka_sidecar").setLevel("INFO")
threading.excepthook = lambda args: None  # the answer is a 500, for sys.exit
try:
    serve(handle, port=0)
except SystemExit as stopped:
    assert stopped.code == 7
assert taken == [{"id": 1}]
print(kafka_sidecar.__file__)
"""


def run(*command: object) -> str:
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def version_of(python: Path) -> tuple[int, int]:
    """(0, 0) if it does not run."""
    command = [str(python), "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
    result = subprocess.run(command, capture_output=True, text=True)
    return tuple(map(int, result.stdout.split())) if result.returncode == 0 else (0, 0)  # type: ignore[return-value]


def oldest_python() -> Path:
    """From 3.9 on: of the PATH, of pyenv, or that of the tests."""
    names = [f"python3.{minor}" for minor in range(9, sys.version_info.minor)]
    found = [Path(path) for path in map(shutil.which, names) if path]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found += [path for path in root.glob("versions/3.*/bin/python") if re.match(r"3\.(9|\d\d)\.", path.parts[-3])]
    working = [(version_of(python), python) for python in found]
    return min(
        [(version, python) for version, python in working if version >= (3, 9)]
        + [(sys.version_info[:2], Path(sys.executable))]
    )[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, PROJECT)
    [path] = folder.glob("*.whl")
    return path


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith("METADATA")]
        [licence] = [archive.read(name).decode() for name in names if name.endswith("LICENSE")]
    assert "kafka_sidecar/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kafka_sidecar"}
    assert re.findall(r"^Requires-Dist: .*", metadata, re.MULTILINE) == ["Requires-Dist: orjson; extra == 'fast'"]
    assert "Apache License" in licence


def test_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    run(oldest_python(), "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
    assert "site-packages" in run(python, "-I", "-W", "error", "-c", USE)
