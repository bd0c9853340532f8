"""Translations: how they are named, what their files must be, and PO there and back."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.gettext import PLURAL_FORMS, read_po, write_po
from domain.content.translation import (
    TRANSLATION,
    TranslationKey,
    Translations,
    Translator,
)
from domain.kit.authored import Template
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject

PO = """
msgid ""
msgstr ""
"Language: es\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: welcome
msgid "Hello {{ name }}"
msgstr "Hola {{ name }}"

msgid "item"
msgid_plural "items"
msgstr[0] "una cosa"
msgstr[1] "{{ count }} cosas"

msgid "untranslated"
msgstr ""
"""
PO_TEXTS = {
    "Hello {{ name }}": "Hola {{ name }}",
    "item": {"one": "una cosa", "other": "{{ count }} cosas"},
}


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("es", ("es", "", "")),
        ("es/courses", ("es", "courses", "")),
        ("es/courses~acme", ("es", "courses", "acme")),
        ("es~acme", ("es", "", "acme")),
        ("es~a/b~c", ("es", "", "a/b~c")),
    ],
)
def test_a_key_is_written_as_commits_name_it(key: str, parts: tuple[str, str, str]) -> None:
    """Locale, namespace and tenant are one key, and are read back from it."""
    assert TranslationKey.read(key) == TranslationKey(*parts)
    assert str(TranslationKey(*parts)) == key


@pytest.mark.parametrize(
    ("key", "document", "fields"),
    [
        ("e", {"format": "json", "content": "{}"}, ["locale_code"]),
        ("en/a b", {"format": "json", "content": "{}"}, ["namespace"]),
        ("en", {"content": "{}"}, ["format"]),
        ("en", {"format": "yaml", "content": "{}"}, ["format"]),
        ("en", {"format": "json"}, ["content"]),
        ("en", {"format": "json", "content": "{"}, ["content"]),
        ("en", {"format": "json", "content": "[]"}, ["content"]),
        ("en", {"format": "json", "content": "[" * 50_000}, ["content"]),
        ("en", {"format": "json", "content": '{"a": {"b": [1], "c": 5}}'},
         ["content.a.b", "content.a.c"]),
        ("en", {"format": "po", "content": "msgid broken"}, ["content"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(key: str, document: Any, fields: list[str]) -> None:
    """Name, format and every text are judged."""
    with pytest.raises(InvalidParams) as refused:
        TRANSLATION.check(TRANSLATION.normalise(document, {}), key)
    assert [error.field for error in refused.value.errors] == fields


def test_every_text_is_a_template() -> None:
    """The Liquid of texts is judged at their place."""
    texts = TRANSLATION.read({"format": "json", "content": '{"a": {"b": "{{ x }}"}}'}, "en")
    assert list(TRANSLATION.templates(texts)) == [Template("content.a.b", "{{ x }}")]


def test_po_files_are_read() -> None:
    """Ids are keys, plural forms are `one` and `other`, and what is not translated is not there."""
    assert read_po(PO) == PO_TEXTS
    content = TRANSLATION.normalise({"format": "po", "content": PO}, {})
    assert TRANSLATION.check(content, "es").texts == PO_TEXTS


NAMES = st.text("abcxyz_ ", min_size=1, max_size=8)
TEXTS = st.dictionaries(
    NAMES,
    st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1)
    | st.fixed_dictionaries({"one": st.just("eins"), "other": st.just("viele")}),
    max_size=5,
)


@given(TEXTS)
def test_texts_survive_the_way_to_po_and_back(texts: Any) -> None:
    """What is written as PO is read the same."""
    assert read_po(write_po(texts, "de-AT")) == texts


def test_nested_texts_are_written_under_their_path() -> None:
    """An object that is no plural form becomes paths, which are looked up like the object."""
    assert read_po(write_po({"a": {"b": "x", "c": {"d": "y"}}}, "xx-unknown")) == {
        "a.b": "x",
        "a.c.d": "y",
    }


@pytest.mark.parametrize("locale", ["en", "fr", "ja", "ar", "ru", "lv", "sl", "xx-unknown"])
@pytest.mark.parametrize(
    "forms", ["other", "one other", "zero one other", "one few many other", " ".join(PLURAL_FORMS)]
)
def test_plural_forms_survive_the_way_to_po_and_back(locale: str, forms: str) -> None:
    """Whatever forms the language of the file has, each is found again under its name."""
    value: JsonObject = {name: f"{name} text" for name in forms.split()}
    written = write_po({"a": {"b": value}, "c": value}, locale)
    stored = TRANSLATION.read({"format": "po", "content": written}, locale)
    translator = Translator(Translations.of({locale: stored}), locale, "", locale)
    for key in ("a.b", "c"):
        found = translator.find(key)
        assert found is not None
        assert found.value == value


@pytest.mark.parametrize(
    ("locale", "header", "forms", "expected"),
    [
        ("ar", "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 :"
         " n%100>=11 && n%100<=99 ? 4 : 5);", 6,
         {"zero": "0", "one": "1", "two": "2", "few": "3", "many": "4", "other": "5"}),
        ("ru", "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 &&"
         " (n%100<10 || n%100>=20) ? 1 : 2);", 3,
         {"one": "0", "few": "1", "many": "2", "other": "2"}),
        ("fr", "nplurals=2; plural=(n > 1);", 2, {"one": "0", "other": "1"}),
        # As some tools number them: the plural first.
        ("de", "nplurals=2; plural=(n == 1);", 2, {"other": "0", "one": "1"}),
        ("ja", "nplurals=1; plural=0;", 1, {"other": "0"}),
    ],
)  # fmt: skip
def test_forms_are_numbered_as_the_file_says(
    locale: str, header: str, forms: int, expected: JsonObject
) -> None:
    """The expression of the file names them, with the language of the translation."""
    written = "".join(f'msgstr[{index}] "{index}"\n' for index in range(forms))
    source = (
        f'msgid ""\nmsgstr "Plural-Forms: {header}\\n"\n\nmsgid "a"\nmsgid_plural "b"\n{written}'
    )
    content = TRANSLATION.normalise({"format": "po", "content": source}, {})
    assert TRANSLATION.check(content, locale).texts == {"a": expected}


@pytest.mark.parametrize("plural", ["n%0", "n/(n-1)", "__import__('os')", "n" * 5_000])
def test_an_odd_expression_is_refused(plural: str) -> None:
    """What the file says of its forms is read by no more than it has to be."""
    source = f'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural={plural};\\n"\n'
    with pytest.raises(ValueError, match="is not a PO file"):
        read_po(source)


@given(st.text(max_size=200))
def test_no_file_is_a_fault(text: str) -> None:
    """Whatever stands in a file, it is read or refused."""
    for written in ("json", "po"):
        content = TRANSLATION.normalise({"format": written, "content": text}, {})
        with suppress(InvalidParams):
            TRANSLATION.check(content, "en")
        assert json.dumps(TRANSLATION.read(content, "en").texts)
