"""A part of `make sdk-tests` says that it cannot run, instead of failing or passing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.sdk.go_part import try_go
from tests.sdk.parts import Missing, Trial, fetch
from tests.sdk.target import Target


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """Return a run on a product that nobody has started."""
    return Trial(Target("http://127.0.0.1:1", {}), url="", restoring=(), folder=tmp_path)


async def test_a_language_that_is_not_here_is_named(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(Missing, match="no `go` on PATH"):
        await try_go(trial)
    assert list(trial.folder.iterdir()) == []


async def test_what_a_registry_refuses_is_told(tmp_path: Path) -> None:
    """With the end of what its client said."""
    command = [sys.executable, "-c", "print('x' * 999, 'refused'); raise SystemExit(1)"]
    with pytest.raises(Missing, match=r"^the SDK cannot be fetched: x{200,292} refused$"):
        await fetch(command, tmp_path, "the SDK")
