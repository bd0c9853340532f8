"""A part of `make sdk-tests` says that it cannot run, instead of failing or passing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.sdk.go_part import try_go
from tests.sdk.java_part import try_java
from tests.sdk.node_part import try_management_node
from tests.sdk.parts import Missing, Trial, fetch, judged
from tests.sdk.python_part import try_management_python
from tests.sdk.target import Target

_CANNOT_PASS = "schedules.test.ts: resource schedules create: only required params"


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """Return a run on a product that nobody has started."""
    nowhere = "http://127.0.0.1:1"
    return Trial(Target(nowhere, nowhere, {}, restore=lambda: None), folder=tmp_path)


async def test_a_language_that_is_not_here_is_named(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(Missing, match="no `go` on PATH"):
        await try_go(trial)
    with pytest.raises(Missing, match="no `npm` on PATH"):
        await try_management_node(trial)
    with pytest.raises(Missing, match="no `mvn` on PATH"):
        await try_java(trial)
    assert list(trial.folder.iterdir()) == []


async def test_a_checkout_that_nobody_named_is_named(trial: Trial) -> None:
    """With the repository that has the tests."""
    with pytest.raises(Missing, match=r"checkout of knocklabs/knock-mgmt-python by --sources"):
        await try_management_python(trial)


async def test_what_a_registry_refuses_is_told(tmp_path: Path) -> None:
    """With the end of what its client said."""
    command = [sys.executable, "-c", "print('x' * 999, 'refused'); raise SystemExit(1)"]
    with pytest.raises(Missing, match=r"^the SDK cannot be fetched: x{200,292} refused$"):
        await fetch(command, tmp_path, "the SDK")


async def test_what_a_registry_gives_is_told(tmp_path: Path) -> None:
    """A client may say where it has put it."""
    assert await fetch([sys.executable, "-c", "print('/here')"], tmp_path, "the SDK") == "/here"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"a": True, _CANNOT_PASS: False}, 0),
        ({"a": False}, 1),
        ({"a": True, _CANNOT_PASS: True}, 1),
        ({}, 1),
    ],
    ids=["as expected", "one fails", "one that is listed passes", "none was run"],
)
def test_results_are_compared_with_the_list(found: dict[str, bool], code: int) -> None:
    """What is listed has to fail, everything else to pass, and there has to be something."""
    assert judged(found, "node") == code
