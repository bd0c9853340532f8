"""What templates of an environment use beside their data, for one reader."""

from __future__ import annotations

from domain.content.translation import Translator
from domain.kit.json_types import JsonObject
from services.content.catalog import Configuration
from services.engine import Engine
from templating.liquid.library import Library


def library_for(
    engine: Engine, configuration: Configuration, recipient: JsonObject, tenant_id: str | None
) -> Library:
    """Return the partials, the translations as a recipient reads them for a tenant, and a zone."""
    locale = recipient.get("locale")
    translator = Translator(
        configuration.translations,
        locale if isinstance(locale, str) else "",
        tenant_id or "",
        engine.settings.default_locale,
    )
    return Library(configuration.partials, translator, engine.settings.default_timezone)
