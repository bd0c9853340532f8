"""What tests keep to: each can fail, and stands where its subject does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("test_*.py"))
# Folders about something other than one layer, see `docs/testing.md`.
APART = {"chaos", "compat", "e2e", "fuzz", "house", "replay", "sdk"}
_NO_FAULT = re.compile(r"must.not.raise")
_CHECKING = {"raises", "warns", "fail"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return str(path.relative_to(TESTS))


def _checks(node: ast.AST, helpers: set[str]) -> bool:
    """Tell whether something is asserted here, or in a helper that is called."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if isinstance(inner, ast.Call):
            called = ast.unparse(inner.func).split(".")[-1]
            if called in _CHECKING or called in helpers:
                return True
    return False


def _top_level(path: Path) -> list[Function]:
    """Return the functions of a module; names of methods say too little to look for them."""
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, Function)]


def _functions(path: Path) -> list[Function]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def _helpers(functions: list[Function]) -> set[str]:
    """Return the helpers of a file that assert, also through each other."""
    found: set[str] = set()
    for _ in range(3):
        found |= {one.name for one in functions if _checks(one, found)}
    return {name for name in found if not name.startswith("test_")}


SHARED = {name for path in (TESTS / "support").glob("*.py") for name in _helpers(_functions(path))}


def _silent(path: Path) -> Iterator[str]:
    functions = _functions(path)
    helpers = SHARED | _helpers(functions)
    for one in functions:
        if one.name.startswith("test_") and not _checks(one, helpers):
            said = f"{one.name} {ast.get_docstring(one)}"
            if not _NO_FAULT.search(said):
                yield one.name


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_test_can_fail(path: Path) -> None:
    """A test asserts something, or says that what it does must not raise."""
    assert list(_silent(path)) == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_test_stands_where_its_subject_does(path: Path) -> None:
    """The folder of a test is a folder of the code, under the same layer."""
    folder = path.parent.relative_to(TESTS)
    assert folder.parts[0] in APART or (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_test_module_is_imported(path: Path) -> None:
    """It would be loaded twice, with two of everything; what tests share is in `tests/support`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert not re.match(r"tests\..*\btest_\w+$", module), module
