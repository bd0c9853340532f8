"""The step that changes the data of a run (Knock docs: "Update data function")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from domain.kit.authored import Language, Template
from domain.kit.shapes import Shape
from domain.workflows.steps.base import BaseStep


class UpdateDataSettings(Shape):
    """What is laid over the data."""

    data: str = Field(
        min_length=1,
        description=(
            "A JSON object as a string, which may contain Liquid. Its members replace "
            "those of the data as a whole; a string that is a single Liquid output keeps the "
            "type of its value."
        ),
    )


class UpdateDataStep(BaseStep):
    """Change the data of the run, for all steps behind this one."""

    type: Literal["update_data"] = "update_data"
    settings: UpdateDataSettings

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the data."""
        yield Template(f"{place}.settings.data", self.settings.data, Language.JSON)
