"""Renders one thing for a preview: what it became, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from functools import partial

from domain.kit.authored import Template
from domain.kit.json_types import JsonObject
from domain.previews.rows import Fault
from outbound.redaction import Redactor
from services.off_loop import off_loop
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from templating.limits import LiquidError
from templating.messages.validation import faults_in


async def try_out(
    walk: Walk, work: Awaitable[JsonObject], templates: Sequence[Template]
) -> JsonObject | tuple[Fault, ...]:
    """Return what was rendered, without the secrets in it, or what keeps it from being rendered.

    Args:
        walk: whom for.
        work: renders it.
        templates: what it is rendered from: when that fails, all of it is read, so that an author
            sees every fault of its syntax at once.
    """
    secrets = Redactor(walk.configuration.variables.secrets)
    try:
        with blaming("template"):
            rendered = await work
    except ContentError as error:
        cause = error.__cause__
        faults = await off_loop(partial(_broken, templates))
        if not faults and isinstance(cause, LiquidError):
            faults = [cause]
        if not faults:
            return (Fault(secrets.text(error.text)),)
        return tuple(_fault(each, secrets) for each in faults)
    return {name: secrets.within(value) for name, value in rendered.items()}


def _broken(templates: Iterable[Template]) -> list[LiquidError]:
    return [error.within(template.place) for template in templates for error in faults_in(template)]


def _fault(error: LiquidError, secrets: Redactor) -> Fault:
    line, column = error.at or (None, None)
    return Fault(secrets.text(error.message), error.field, line, column)
