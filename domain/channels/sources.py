"""The Liquid sources in a template of a channel type."""

from __future__ import annotations

from collections.abc import Iterator

from domain.kit.authored import Language, Template

# Names and switches, not templates.
_PLAIN_KEYS = frozenset({"layout_key", "attachment_key", "delivery_type", "is_mjml", "method"})
_JSON_FIELDS = frozenset({"json_body", "json_overrides", "payload_overrides"})


def template_sources(template: object, place: str) -> Iterator[Template]:
    """Walk a template and yield every string in it that is rendered; `place` is where it stands."""
    if isinstance(template, str):
        is_json = place.rpartition(".")[2] in _JSON_FIELDS
        yield Template(place, template, Language.JSON if is_json else Language.TEXT)
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from template_sources(item, f"{place}[{index}]")
    elif isinstance(template, dict):
        for key, item in template.items():
            if key == "html_body" and template.get("is_mjml") is True and isinstance(item, str):
                settings = template.get("settings")
                has_layout = isinstance(settings, dict) and bool(settings.get("layout_key"))
                language = Language.MJML_PART if has_layout else Language.MJML
                yield Template(f"{place}.{key}", item, language)
            elif key not in _PLAIN_KEYS:
                yield from template_sources(item, f"{place}.{key}")
