"""Renders what a step's settings say in Liquid, in a thread when it may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from services.off_loop import off_loop
from services.walk.context import Walk
from services.walk.faults import blaming
from templating.limits import DEFAULT_LIMITS
from templating.liquid.environment import is_quick
from templating.liquid.lookups import Lookups
from templating.liquid.printing import weigh
from templating.liquid.renderer import Renderer

T = TypeVar("T")

# Of the data that a rendering on the event loop may see.
_QUICK_WEIGHT = 8_192


async def render_settings(
    walk: Walk,
    sources: Iterable[str],
    work: Callable[[Renderer], T],
    *,
    output: int = DEFAULT_LIMITS.output,
) -> T:
    """Let a function render the Liquid of a step's settings; all of it shares one budget.

    Args:
        walk: whose variables the templates see.
        sources: the templates, to judge how long they may take.
        work: renders them. It may be called more than once, as look-ups are fetched.
        output: bytes that one of them may render to.

    Raises:
        ContentError: a template is broken, or does not render to what it has to.
    """
    scope = walk.scope()
    seen = [scope["data"], scope["recipient"], scope["actor"], scope["tenant"]]
    quick = all(map(is_quick, sources)) and weigh(seen, _QUICK_WEIGHT) <= _QUICK_WEIGHT

    limits = replace(walk.limits, output=output)

    def render(lookups: Lookups) -> T:
        # A renderer counts the time of the thread that makes it.
        return work(Renderer(scope, limits, lookups=lookups))

    async def render_somewhere(lookups: Lookups) -> T:
        return render(lookups) if quick else await off_loop(partial(render, lookups))

    with blaming("template"):
        return await walk.looking_up(render_somewhere)
