"""Every module stands in a layer, and every layer is held by the import contracts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
# Python that is not part of the product.
BESIDE = {"tests", "bench", "scripts", "examples", "migrations"}
LAYERED = {
    name.strip()
    for contract in CONTRACTS
    if contract["type"] == "layers" and not contract.get("containers")
    for layer in contract["layers"]
    for name in layer.split("|")
}


def _folders() -> set[str]:
    """Return the folders of this repository that hold Python, hidden ones left out."""
    return {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and next(path.rglob("*.py"), None)
    }


def test_every_folder_is_a_layer() -> None:
    """A package that no contract knows could import whatever it likes."""
    assert _folders() - BESIDE == LAYERED
    assert not list(ROOT.glob("*.py"))


@pytest.mark.parametrize("layer", sorted(LAYERED))
def test_every_folder_of_a_layer_is_a_package(layer: str) -> None:
    """The contracts see packages only: a folder without `__init__.py` would stand outside them."""
    for file in (ROOT / layer).rglob("*.py"):
        assert (file.parent / "__init__.py").exists(), file


@pytest.mark.parametrize(
    "contract",
    [contract for contract in CONTRACTS if contract.get("containers")],
    ids=lambda contract: contract["name"],
)
def test_layers_within_a_package_are_exhaustive(contract: dict[str, Any]) -> None:
    """A new module of such a package has to be given its place."""
    assert contract["type"] != "layers" or contract["exhaustive"] is True
