"""The time is told by the clock that a part was given, so that a test can set it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for package in ROOT.glob("*/__init__.py") for path in package.parent.rglob("*.py")
)
# What asks the machine for the date, by module, with the reason.
ASKING: dict[str, str] = {
    "domain/kit/clock.py": "the clock itself",
    "commands/demo/story.py": "counts down to an instant that a real stack waits for",
    "templating/liquid/moments.py": "`now` in a template is the time of its rendering",
}
_PRODUCT = [
    path for path in FILES if path.relative_to(ROOT).parts[0] not in {"tests", "bench", "scripts"}
]


def _asks(path: Path) -> Iterator[int]:
    """Yield the lines that ask for the date instead of being given it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.split(".")[-1] in {"utc_now", "utcnow", "today"} or called in {
                "datetime.now",
                "time.time",
            }:
                yield node.lineno


def test_nobody_asks_for_the_date() -> None:
    """`unit.now` and `engine.clock()` tell it; `utc_now` is a default of such a clock at most."""
    asking = {
        path.relative_to(ROOT).as_posix(): lines for path in _PRODUCT if (lines := [*_asks(path)])
    }
    assert {name: lines for name, lines in asking.items() if name not in ASKING} == {}
    assert set(ASKING) <= set(asking)


def test_no_test_patches_the_time() -> None:
    """A test sets the clock of its engine (`world.at`); a patched module says nothing of others."""
    for path in (ROOT / "tests").rglob("*.py"):
        assert not re.search(r"setattr\([^)]*utc_now", path.read_text()), path
