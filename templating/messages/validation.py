"""Checks the templates of content when it is saved: their Liquid, and what is around it."""

from __future__ import annotations

from collections.abc import Iterable

from domain.kit.authored import Language, Template
from domain.kit.errors import FieldError
from domain.kit.liquid import has_liquid
from templating.limits import LiquidError
from templating.liquid.environment import check_source
from templating.liquid.renderer import parse_json
from templating.markup.mjml_compiler import MjmlError
from templating.messages.mjml_check import check_mjml


def template_errors(templates: Iterable[Template]) -> list[FieldError]:
    """Return what is wrong with Liquid sources, each at its place."""
    errors: list[FieldError] = []
    for template in templates:
        for error in faults_in(template):
            code = "invalid_mjml" if isinstance(error, MjmlError) else "invalid_liquid"
            errors.append(FieldError(template.place, _located(error, template), code))
        if template.language is Language.JSON and not _may_be_object(template.source):
            error = LiquidError("must render to a JSON object")
            errors.append(FieldError(template.place, _located(error, template), "invalid_json"))
    return errors


def faults_in(template: Template) -> list[LiquidError]:
    """Return what is wrong with a source: its Liquid, or the MJML around that."""
    faults = list(check_source(template.source))
    if not faults and template.language in (Language.MJML, Language.MJML_PART):
        refused = check_mjml(template.source, is_part=template.language is Language.MJML_PART)
        faults = [] if refused is None else [refused]
    return faults


def _located(error: LiquidError, template: Template) -> str:
    """Say what is wrong, in which step, and where in the source."""
    step = None if template.step is None else f"step {template.step}"
    known = [str(part) for part in (step, error.at) if part is not None]
    return f"{error.message} ({', '.join(known)})" if known else error.message


def _may_be_object(source: str) -> bool:
    """Tell whether a source can render to a JSON object; Liquid in it leaves that open."""
    if has_liquid(source) or not source.strip():
        return True
    try:
        return isinstance(parse_json(source), dict)
    except ValueError:
        return False
