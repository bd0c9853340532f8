"""Translations as PO files, the format of GNU gettext."""

from __future__ import annotations

from io import BytesIO

from babel.messages import pofile
from babel.messages.catalog import Catalog

from domain.kit.json_types import JsonObject, JsonValue

_PLURALS = frozenset({"one", "other"})


def read_po(source: str) -> JsonObject:
    """Return the texts of a PO file by their ids; plural forms as `one` and `other`.

    Raises ValueError, with words for the author, for what is no PO file.
    """
    try:
        catalog = pofile.read_po(BytesIO(source.encode()), abort_invalid=True)
    except pofile.PoFileError as error:
        line = (error.lineno or 0) + 1
        raise ValueError(f"is not a PO file: {error.args[0]} (line {line})") from None
    except Exception as error:
        # The library raises whatever its parts do: an odd header, an odd charset.
        raise ValueError(f"is not a PO file: {type(error).__name__}") from None
    texts: JsonObject = {}
    for message in catalog:
        if not message.id:
            continue  # the header
        if isinstance(message.id, (list, tuple)):
            forms = [each for each in message.string or () if each]
            if forms:
                texts[message.id[0]] = {"one": forms[0], "other": forms[-1]}
        elif isinstance(message.string, str) and message.string:
            texts[message.id] = message.string
    return texts


def write_po(texts: JsonObject, locale: str) -> str:
    """Write texts as a PO file; those inside objects under their path, such as `a.b`."""
    try:
        catalog = Catalog(locale=locale.replace("-", "_"))
    except Exception:  # a locale that CLDR does not know
        catalog = Catalog()
    for key, value in _flat(texts, ""):
        if isinstance(value, dict):
            forms = [value["one"], *[value["other"]] * max(1, catalog.num_plurals - 1)]
            catalog.add((key, key), tuple(forms[: max(2, catalog.num_plurals)]))
        else:
            catalog.add(key, str(value))
    written = BytesIO()
    pofile.write_po(written, catalog, omit_header=False, width=0)
    return written.getvalue().decode()


def _flat(texts: JsonObject, prefix: str) -> list[tuple[str, JsonValue]]:
    found: list[tuple[str, JsonValue]] = []
    for name, value in texts.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and set(value) != _PLURALS:
            found += _flat(value, f"{key}.")
        else:
            found.append((key, value))
    return found
