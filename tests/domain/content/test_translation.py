"""Translations: how they are named, what their files must be, and PO there and back."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.gettext import read_po, write_po
from domain.content.translation import TRANSLATION, TranslationKey
from domain.kit.authored import Template
from domain.kit.errors import InvalidParams

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


@given(st.text(max_size=200))
def test_no_file_is_a_fault(text: str) -> None:
    """Whatever stands in a file, it is read or refused."""
    for written in ("json", "po"):
        content = TRANSLATION.normalise({"format": written, "content": text}, {})
        with suppress(InvalidParams):
            TRANSLATION.check(content, "en")
        assert json.dumps(TRANSLATION.read(content, "en").texts)
