"""Each kind of thing has a file, and the table beside it knows them all."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from domain.channels.kinds import CHANNEL_KINDS
from domain.content.kinds import KINDS
from domain.kit.authored import ResourceType
from domain.workflows.steps import STEP_TYPES
from providers.registry import PROVIDERS, load_provider
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_channel_type_has_its_file() -> None:
    """A channel type is described in the file of its name."""
    for channel_type, kind in CHANNEL_KINDS.items():
        assert type(kind).__module__ == f"domain.channels.{channel_type}"


def test_every_content_kind_has_its_file() -> None:
    """A kind of content is described in the file of its name, by a value of its name."""
    files = {path.stem for path in (ROOT / "domain" / "content").glob("*.py")}
    assert set(KINDS) == files & set(ResourceType)
    for name, kind in KINDS.items():
        module = importlib.import_module(f"domain.content.{name}")
        assert getattr(module, name.upper()) is kind


@pytest.mark.parametrize("step_type", STEP_TYPES)
def test_every_step_type_has_its_file(step_type: str) -> None:
    """A type of step is described in the file of its name."""
    assert STEP_TYPES[step_type].__module__ == f"domain.workflows.steps.{step_type}"


def _classes(module: str) -> list[Any]:
    """Return the classes of a module that have what a provider has."""
    members = vars(importlib.import_module(module)).values()
    return [
        member
        for member in members
        if isinstance(member, type)
        and member.__module__ == module
        and all(hasattr(member, name) for name in ("id", "service_name", "send"))
    ]


@pytest.mark.parametrize(
    "module",
    sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "providers").rglob("*.py")
        if path.name not in {"__init__.py", "base.py", "registry.py"}
    ),
)
def test_every_provider_is_registered(module: str) -> None:
    """A class that can send is in the registry, under its id."""
    for provider in _classes(module):
        assert load_provider(provider.id) is provider


@pytest.mark.parametrize("provider_id", PROVIDERS)
def test_every_provider_serves_a_channel_type(provider_id: str) -> None:
    """Its channel type is one that needs a provider."""
    provider = load_provider(provider_id)
    assert provider.id == provider_id
    assert CHANNEL_KINDS[provider.channel_type].needs_provider


def test_every_setting_is_read() -> None:
    """An operator is offered nothing that changes nothing."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    code = "\n".join(file.read_text() for package in packages for file in package.rglob("*.py"))
    read = set(re.findall(r"\.(\w+)", code))
    assert set(Settings.model_fields) <= read
