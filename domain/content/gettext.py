"""Translations as PO files, the format of GNU gettext.

A file numbers the plural forms of its language, and says by an expression which number of things
has which (`Plural-Forms`). Here they have Unicode's names, as in JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from gettext import c2py
from io import BytesIO

from babel import Locale
from babel.messages import pofile
from babel.messages.catalog import Catalog

from domain.kit.json_types import JsonObject, JsonValue

PLURAL_FORMS = ("zero", "one", "two", "few", "many", "other")
# In these numbers every language that gettext knows shows all its forms.
_NUMBERS = range(200)


def read_po(source: str, locale: str = "") -> JsonObject:
    """Return the texts of a PO file by their ids; plural forms by their names.

    Args:
        source: the file.
        locale: that names forms where the file does not say its language.

    Raises:
        ValueError: with words for the author, it is no PO file.
    """
    try:
        catalog = pofile.read_po(BytesIO(source.encode()), abort_invalid=True)
        names = _names(catalog, locale)
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
            forms = {
                names[index]: text
                for index, text in enumerate(message.string or ())
                if text and index in names
            }
            if forms:
                # Where a language has no `other` for whole numbers, its last form is for the rest.
                texts[message.id[0]] = {**forms, "other": forms.get("other", [*forms.values()][-1])}
        elif isinstance(message.string, str) and message.string:
            texts[message.id] = message.string
    return texts


def write_po(texts: JsonObject, locale: str) -> str:
    """Write texts as a PO file; those inside objects under their path, such as `a.b`."""
    try:
        catalog = Catalog(locale=locale.replace("-", "_"))
    except Exception:  # a locale that CLDR does not know
        catalog = Catalog()
    names = _names(catalog, locale)
    for key, value in _flat(texts, "", names):
        if isinstance(value, dict):
            catalog.add((key, key), tuple(str(value[names[index]]) for index in sorted(names)))
        else:
            catalog.add(key, str(value))
    written = BytesIO()
    pofile.write_po(written, catalog, omit_header=False, width=0)
    return written.getvalue().decode()


def _names(catalog: Catalog, locale: str) -> Mapping[int, str]:
    """Return the names of the plural forms of a file, by their numbers in it.

    Raises ValueError or ArithmeticError: the file says something that is no expression.
    """
    form_of = c2py(catalog.plural_expr)
    language = catalog.locale
    if language is None:
        try:
            language = Locale.parse(locale.replace("-", "_"))
        except Exception:  # a locale that CLDR does not know
            language = Locale.parse("en")
    numbers: dict[int, Counter[str]] = {}
    for number in _NUMBERS:
        numbers.setdefault(int(form_of(number)), Counter())[language.plural_form(number)] += 1
    names = {index: named.most_common(1)[0][0] for index, named in numbers.items()}
    if len(names) > 1:
        names[int(form_of(1))] = "one"
    return {index: name for index, name in names.items() if 0 <= index < catalog.num_plurals}


def _is_plural(value: JsonObject, names: Mapping[int, str]) -> bool:
    """Tell whether an object has the plural forms of a file, and so can be read from it again."""
    wanted = set(names.values())
    if set(value) != wanted | {"other"} or not all(
        isinstance(each, str) for each in value.values()
    ):
        return False
    return "other" in wanted or value["other"] == value[names[max(names)]]


def _flat(texts: JsonObject, prefix: str, names: Mapping[int, str]) -> list[tuple[str, JsonValue]]:
    found: list[tuple[str, JsonValue]] = []
    for name, value in texts.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and not _is_plural(value, names):
            found += _flat(value, f"{key}.", names)
        else:
            found.append((key, value))
    return found
