"""Files, functions and classes stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "temporal_workflows", "activities", "services", "models", "providers",
            "outbound", "templating", "domain", "runtime", "commands", "tests", "scripts", "bench",
            "examples")  # fmt: skip
MOST_FUNCTION_LINES = 60
MOST_CLASS_LINES = 250
MOST_FILE_LINES = 400
MOST_TEST_FILE_LINES = 600
MOST_POSITIONAL = 5
# Each with the reason why it may be longer.
LONG_FILES: dict[str, str] = {}

FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def length(node: Function | ast.ClassDef) -> int:
    """Return how many lines something takes, its docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def name_of(path: Path) -> str:
    """Return a file's name as the failure shows it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_file_is_short(path: Path) -> None:
    """A file has at most 400 lines (a test file 600), a class 250, a function 60."""
    most = MOST_TEST_FILE_LINES if path.is_relative_to(ROOT / "tests") else MOST_FILE_LINES
    if name_of(path) not in LONG_FILES:
        assert len(path.read_text().splitlines()) <= most
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            assert length(node) <= MOST_FUNCTION_LINES, node.name
        if isinstance(node, ast.ClassDef):
            assert length(node) <= MOST_CLASS_LINES, node.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_take_few_positional_arguments(path: Path) -> None:
    """What takes more than five arguments takes them by name."""
    routes = path.is_relative_to(ROOT / "api")
    for node in functions(path):
        # Routes and tests are called by frameworks, which pass by name.
        if routes or node.name.startswith("test_"):
            continue
        count = len(node.args.posonlyargs) + len(node.args.args) - _has_self(node)
        assert count <= MOST_POSITIONAL, node.name


def _has_self(node: Function) -> int:
    first = [argument.arg for argument in node.args.args[:1]]
    return int(first in (["self"], ["cls"]))
