"""Our packages have generic names; nothing else that is installed may own one of them."""

from __future__ import annotations

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("name", PACKAGES)
def test_name_is_unclaimed(name: str) -> None:
    """No foreign distribution ships a package of this name: one would overwrite the other."""
    owners = set(packages_distributions().get(name, []))
    assert owners <= {PROJECT["project"]["name"]}


def test_every_package_is_listed_everywhere() -> None:
    """A package that one tool's list forgets is not checked, or not shipped."""
    found = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    tools = PROJECT["tool"]
    assert sorted(PACKAGES) == [name for name in found if name not in {"tests", "bench", "scripts"}]
    assert sorted(tools["importlinter"]["root_packages"]) == sorted(PACKAGES)
    assert set(PACKAGES) <= set(tools["ruff"]["lint"]["isort"]["known-first-party"])
    assert set(PACKAGES) <= set(tools["mypy"]["packages"])
