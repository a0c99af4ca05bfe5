from __future__ import annotations

import pytest

from kafka_sidecar import _codec


@pytest.fixture(params=["orjson", "json"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with orjson and without."""
    if request.param == "json":
        monkeypatch.setattr(_codec, "fast_loads", None)
    else:
        assert _codec.fast_loads is not None, "install requirements-dev.txt: orjson is missing"
    return str(request.param)
