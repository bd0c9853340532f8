"""The type of a decoded JSON value, named once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

# A recursive alias costs mypy more than it catches at the edges where JSON enters;
# `JsonValue` says "decoded JSON" to the reader.
JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
# What templates and conditions read; see `templating/context.py` for its members.
Scope: TypeAlias = Mapping[str, Any]
