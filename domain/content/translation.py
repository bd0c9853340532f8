"""Translations as a kind of content: texts of one locale (Knock docs: "Translations").

A translation is named by its locale, perhaps a namespace, and perhaps a tenant, as in
`es/courses~acme`. Source: Management API reference, TranslationRequest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from domain.content.gettext import PLURAL_FORMS, read_po
from domain.content.kind import KindOfContent
from domain.kit.authored import ChannelTypes, ResourceType, Template
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject, JsonValue, read_json
from domain.kit.shapes import REFUSE_NULL, Shape, Text, read_shape
from domain.kit.violations import Violations

MAX_LEVELS = 20
# The namespace of what is collected from `t` tags when workflows are committed.
COLLECTED = "system"
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,6}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,100}")
# What stands before a colon in a key, when it is a namespace and no sentence.
_QUALIFIED = re.compile(r"([A-Za-z0-9_-]{1,100}):(\S.*)", re.DOTALL)


class TranslationFormat(StrEnum):
    """How the texts are written."""

    JSON = "json"
    PO = "po"


class TranslationKey(NamedTuple):
    """What names a translation; an empty namespace or tenant is none."""

    locale: str
    namespace: str = ""
    tenant: str = ""

    def __str__(self) -> str:
        """Write it as commits name it."""
        namespace = f"/{self.namespace}" if self.namespace else ""
        return f"{self.locale}{namespace}" + (f"~{self.tenant}" if self.tenant else "")

    @classmethod
    def read(cls, key: str) -> TranslationKey:
        """Read what was written; anything can be read."""
        named, _, tenant = key.partition("~")
        locale, _, namespace = named.partition("/")
        return cls(locale, namespace, tenant)

    def violations(self) -> Iterator[FieldError]:
        """Yield what is wrong with it."""
        if not _LOCALE.fullmatch(self.locale):
            yield FieldError("locale_code", "must be a locale such as en or pt-BR")
        if self.namespace and not _NAMESPACE.fullmatch(self.namespace):
            yield FieldError("namespace", "must be at most 100 letters, digits, _ and -")


@dataclass(frozen=True, slots=True)
class TranslationFilters:
    """Which translations are listed."""

    locale_code: Annotated[str | None, Filter("Only translations of this locale.")] = None
    namespace: Annotated[str | None, Filter("Only translations of this namespace.")] = None
    tenant: Annotated[str | None, Filter("Only translations of this tenant.")] = None


@dataclass(frozen=True, slots=True)
class Translation:
    """The texts of a locale, by key: strings, or objects of them; Liquid."""

    texts: JsonObject


class TranslationShape(Shape):
    """A translation as it is written."""

    content: Text = Field(description="An object of texts as JSON, or a PO file.")
    format: Annotated[TranslationFormat, REFUSE_NULL] = Field(strict=False)


class TranslationKind(KindOfContent[Translation]):
    """What translations tell of themselves; what their texts render is found in their Liquid."""

    name: ClassVar[ResourceType] = ResourceType.TRANSLATION
    noun: ClassVar[str] = "translation"
    shape: ClassVar[type[Shape]] = TranslationShape

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written."""
        return {name: raw.get(name) for name in self.shape.model_fields}

    def check(self, content: JsonObject, key: str) -> Translation:
        """Read a draft. Raises InvalidParams."""
        violations = Violations()
        violations.extend(TranslationKey.read(key).violations())
        try:
            shape = read_shape(TranslationShape, content)
        except InvalidParams as refused:
            violations.extend(refused.errors)
            raise violations.refusal() from None
        try:
            texts = _read(shape.content, shape.format, key)
        except ValueError as error:
            violations.add("content", str(error), "invalid_content")
            texts = {}
        violations.extend(_wrong_texts(texts, "content", MAX_LEVELS))
        violations.raise_any()
        return Translation(texts)

    def read(self, content: JsonValue, key: str) -> Translation:
        """Read a stored translation; one that cannot be read has no texts."""
        stored = content if isinstance(content, dict) else {}
        source = stored.get("content")
        is_po = stored.get("format") == TranslationFormat.PO
        try:
            return Translation(
                _read(
                    source if isinstance(source, str) else "",
                    TranslationFormat.PO if is_po else TranslationFormat.JSON,
                    key,
                )
            )
        except ValueError:
            return Translation({})

    def comparable(self, content: JsonObject, key: str) -> JsonObject:
        """Return the texts, each a field of its own, in the place of the file that has them."""
        return {**content, "content": self.read(content, key).texts}

    def templates(self, document: Translation) -> Iterator[Template]:
        """Yield every text."""
        yield from _templates(document.texts, "content")


def _read(source: str, written: TranslationFormat, key: str) -> JsonObject:
    """Return the texts of a file. Raises ValueError, with words for the author."""
    if written is TranslationFormat.PO:
        return read_po(source, TranslationKey.read(key).locale)
    try:
        texts = read_json(source)
    except RecursionError:
        texts = None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(texts, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - the caller's JSON is wrong
    return texts


def _wrong_texts(value: JsonValue, place: str, levels: int) -> Iterator[FieldError]:
    if isinstance(value, dict):
        if levels == 0:
            yield FieldError(place, f"may be nested at most {MAX_LEVELS} levels deep")
            return
        for name, member in value.items():
            yield from _wrong_texts(member, f"{place}.{name[:255]}", levels - 1)
    elif not isinstance(value, str):
        yield FieldError(place, "must be a string or an object")


def _templates(value: JsonValue, place: str) -> Iterator[Template]:
    if isinstance(value, str):
        yield Template(place, value)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _templates(member, f"{place}.{name[:255]}")


@dataclass(frozen=True, slots=True)
class Translations:
    """All translations of an environment, to be looked up for one reader after the other."""

    by_key: Mapping[TranslationKey, Translation] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Translation]) -> Translations:
        """Gather what is published, by the keys of the documents."""
        keys = {each: TranslationKey.read(each) for each in stored}
        return cls(
            {key._replace(locale=key.locale.lower()): stored[each] for each, key in keys.items()}
        )


NO_TRANSLATIONS = Translations()


class FoundText(NamedTuple):
    """What stands under a key, and in which locale it was found."""

    value: str | JsonObject
    locale: str


@dataclass(frozen=True, slots=True)
class Translator:
    """Finds texts for one reader: of the tenant first, then by ever less of the locale.

    Attributes:
        translations: of the environment.
        locale: of the recipient, as it was given.
        tenant: of the run, or none.
        default_locale: where everybody ends.
    """

    translations: Translations
    locale: str
    tenant: str
    default_locale: str

    def find(self, key: str) -> FoundText | None:
        """Return the text of a key: `a.b.c`, `namespace:a.b.c`, or a text itself."""
        qualified = _QUALIFIED.fullmatch(key)
        if qualified is not None:
            found = self._find(qualified[1], qualified[2])
            if found is not None:
                return found
        return self._find("", key)

    def _find(self, namespace: str, path: str) -> FoundText | None:
        for tenant in dict.fromkeys((self.tenant, "")):
            for locale in self._locales():
                translation = self.translations.by_key.get(
                    TranslationKey(locale, namespace, tenant)
                )
                value = None if translation is None else _at(translation.texts, path)
                if isinstance(value, str | dict):
                    return FoundText(value, locale)
        return None

    def _locales(self) -> tuple[str, ...]:
        given = self.locale.strip().replace("_", "-").lower()
        return tuple(
            filter(None, dict.fromkeys((given, given.split("-")[0], self.default_locale.lower())))
        )


def _at(texts: JsonObject, path: str) -> Any:
    if path in texts:
        return texts[path]
    value: Any = texts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        # An object whose forms a PO file has under paths of their own.
        named = {name: texts.get(f"{path}.{name}") for name in PLURAL_FORMS}
        value = {name: text for name, text in named.items() if text is not None} or None
    return value


TRANSLATION = TranslationKind()
