"""One executor a step type: (context, step) -> what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from domain.steps import BaseStep, ChannelStep, DelayStep
from services.steps.channel import run_channel
from services.steps.context import StepContext, StepOutcome
from services.steps.delay import run_delay

S = TypeVar("S", bound=BaseStep)
Executor = Callable[[StepContext, S], Awaitable[StepOutcome]]


def pair(step: type[S], executor: Executor[S]) -> tuple[type[BaseStep], Executor[Any]]:
    """Tie a step type to its executor; the type checker rejects a mismatch."""
    return step, executor


EXECUTORS: dict[type[BaseStep], Executor[Any]] = dict(
    (
        pair(ChannelStep, run_channel),
        pair(DelayStep, run_delay),
    )
)
