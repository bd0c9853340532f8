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
        description="Try what this environment has published, as a promotion would bring it;"
        " the drafts of the environment itself when it is left out.",
    )
    from_branch: str | None = Field(
        None,
        description="Try what this branch of the environment has committed, as merging it would"
        " bring it.",
    )
    workflow: str | None = Field(None, description="Only runs of the workflow with this key.")
    runs: int = Field(
        1_000,
        description="How many runs, the newest ones; and how many users, where guides are tried.",
        ge=1,
        le=MOST_RUNS,
    )
    triggers: list[ScriptEntryIn] | None = Field(
        None,
        description="A script: let this happen instead of what has happened. People are named by"
        " their ids.",
        min_length=1,
        max_length=1_000,
    )
    seconds: int = Field(
        20, description="How long it may take; what is left is told.", ge=1, le=MOST_SECONDS
    )
    differences: int = Field(
        100,
        description="How many differences are shown; all are counted.",
        ge=0,
        le=MOST_DIFFERENCES,
    )
