"""Wire shapes of default preferences."""

from __future__ import annotations

from typing import Self

from api.knock.preferences.schemas import PreferenceSetOut
from domain.kit.answers import Out
from domain.kit.json_types import JsonObject
from domain.preferences.names import DEFAULT_SET


class PreferenceSetBodyOut(Out):
    """The default preferences as they are now."""

    preference_set: PreferenceSetOut

    @classmethod
    def of(cls, content: JsonObject) -> Self:
        """Write a default set."""
        return cls(preference_set=PreferenceSetOut.of_content(DEFAULT_SET, content))
