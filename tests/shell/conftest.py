"""Fixtures of the shells' tests."""

import pytest

from tests.shell.ingress_running import WAYS, take


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways through the ingress: the front, and what stands behind it, alone."""
    return take(request.param, monkeypatch)
