"""The package is typed: mypy --strict checks an app that uses it as an installed package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_typed_app(tmp_path: Path) -> None:
    app = Path(__file__).with_name("typed_app.py")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(app)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout == "Success: no issues found in 1 source file\n", result.stdout + result.stderr
