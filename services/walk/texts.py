"""Renders the Liquid of a step, in a thread when it may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

# Templates that see more than this are not rendered on the event loop. Markdown, which every feed
# item goes through, takes some milliseconds for that much.
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
    scope, limits = walk.scope(), replace(walk.limits, output=output)

    def render(*, lookups: Lookups) -> T:
        # A renderer counts the time of the thread that makes it.
        return work(Renderer(scope, limits, lookups=lookups))

    with blaming("template"):
        return await rendered(walk, render, tuple(sources), is_slow=not sees_little(walk))


async def rendered(
    walk: Walk,
    work: Callable[..., T],
    sources: object,
    *,
    is_slow: bool,
    locale: str | None = None,
) -> T:
    """Render here when that is quick, else in a thread, with what the templates look up.

    A few tenths of a millisecond are cheaper here than the way to a thread and back. Any loop or
    long text may take a second.

    Args:
        walk: whose templates they are.
        work: renders them, given `lookups`.
        sources: the templates, at any depth.
        is_slow: whether it takes long whatever the templates are.
        locale: of the translations, in the place of the recipient's.

    Raises:
        LiquidError: a template is broken, or went over its limits.
    """
    quick = not is_slow and all(map(is_quick, _texts(sources)))

    async def render(lookups: Lookups) -> T:
        prepared: Callable[[], T] = partial(work, lookups=lookups)
        return prepared() if quick else await off_loop(prepared)

    return await walk.looking_up(render, locale=locale)


def sees_little(walk: Walk) -> bool:
    """Tell whether the data that templates see is small."""
    scope = walk.scope()
    seen = [scope.get(name) for name in ("data", "recipient", "actor", "tenant", "inputs")]
    return weigh(seen, _QUICK_WEIGHT) <= _QUICK_WEIGHT


def _texts(value: object) -> Iterator[str]:
    """Yield every string in a template; some are not Liquid, which harms nobody."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
