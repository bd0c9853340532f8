"""What a try asks: which content, on which runs, and within which bounds."""

from __future__ import annotations

from pydantic import Field

from domain.kit.shapes import Shape
from domain.what_if.scripts import ScriptEntryIn

MOST_RUNS = 5_000
MOST_SECONDS = 60
MOST_DIFFERENCES = 1_000


class WhatIfIn(Shape):
    """What to try on what. Without `triggers` the newest runs of the environment are walked."""

    from_environment: str | None = Field(
        None,
        description=(
            "Try what this environment has published, as after a promotion. Default: the "
            "drafts of the environment itself."
        ),
    )
    from_branch: str | None = Field(
        None,
        description="Try what this branch of the environment has committed, as after a merge.",
    )
    workflow: str | None = Field(None, description="Only runs of the workflow with this key.")
    runs: int = Field(
        1_000,
        description="Maximum number of recent runs, and of users if guides are tried.",
        ge=1,
        le=MOST_RUNS,
    )
    triggers: list[ScriptEntryIn] | None = Field(
        None,
        description="A script to use instead of past runs. People are named by their ids.",
        min_length=1,
        max_length=1_000,
    )
    seconds: int = Field(
        20,
        description=("Time limit in seconds; the answer says what was left out."),
        ge=1,
        le=MOST_SECONDS,
    )
    differences: int = Field(
        100,
        description="Maximum number of differences shown; all are counted.",
        ge=0,
        le=MOST_DIFFERENCES,
    )
