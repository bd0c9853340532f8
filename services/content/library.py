"""What templates of an environment use beside their data, for one reader."""

from __future__ import annotations

from domain.content.translation import Translator
from services.content.catalog import Configuration
from services.engine import Engine
from templating.liquid.library import Library


def library_for(
    engine: Engine, configuration: Configuration, locale: object, tenant_id: str | None
) -> Library:
    """Return the partials, the translations as somebody of a locale reads them, and a zone.

    A locale may be whatever is stored under that name; what is no text counts as none.
    """
    translator = Translator(
        configuration.translations,
        locale if isinstance(locale, str) else "",
        tenant_id or "",
        engine.settings.default_locale,
    )
    return Library(configuration.partials, translator, engine.settings.default_timezone)
