"""The table of content kinds is whole, and each kind reads what it stores."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.kind import KindOfContent
from domain.content.kinds import KINDS
from domain.kit.authored import (
    CHANNEL,
    ChannelTypes,
    Language,
    Reference,
    ResourceType,
    Template,
)
from domain.kit.errors import InvalidParams
from domain.kit.stored import content_sha
from tests.support.documents import DOCUMENTS
from tests.support.steps import channel_step, email_step, workflow


def test_every_kind_stands_under_its_name() -> None:
    """The table names each kind as the wire and the database do, once."""
    assert {name: kind.name.value for name, kind in KINDS.items()} == {
        name: name for name in DOCUMENTS
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_stored_is_canonical(kind: KindOfContent[Any]) -> None:
    """Normalising stored content again changes nothing, so its hash stays."""
    once = kind.normalise(DOCUMENTS[kind.name], ChannelTypes())

    assert content_sha(kind.normalise(once, ChannelTypes())) == content_sha(once)
    assert set(once) == set(kind.shape.model_fields) - kind.unsaid


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_was_checked_is_read_the_same(kind: KindOfContent[Any]) -> None:
    """Reading stored content says of it what its check did."""
    content = kind.normalise(DOCUMENTS[kind.name], ChannelTypes())
    checked, read = kind.check(content, "plain"), kind.read(content, "plain")

    for part in (kind.references, kind.templates, kind.files, kind.schemas):
        assert list(part(read)) == list(part(checked))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("raw", [None, [], 5, {}, {"steps": [5], "footer_links": [5], "name": 5}])
def test_whatever_is_stored_is_read(kind: KindOfContent[Any], raw: Any) -> None:
    """No stored content is refused, and what is read of it can be asked for all its parts."""
    document = kind.read(raw, "plain")

    for part in (kind.references, kind.templates, kind.files, kind.schemas):
        assert all(part(document))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_key_is_judged_with_the_document(kind: KindOfContent[Any]) -> None:
    """A wrong key and an empty document are told at once."""
    with pytest.raises(InvalidParams) as refusal:
        kind.check(kind.normalise({}, ChannelTypes()), "No Key")

    told = {
        ResourceType.TRANSLATION: ["locale_code", "content"],  # which is named by its locale
        ResourceType.REUSABLE_REQUEST: ["key", "settings"],  # which needs no name
    }.get(ResourceType(kind.name), ["key", "name"])
    assert [error.field for error in refusal.value.errors][:2] == told


def test_steps_tell_what_they_refer_to_and_render() -> None:
    """Channel, layout, templates and overrides of a step stand at their places."""
    kind = KINDS["workflow"]
    template = {"subject": "Hi", "html_body": "<p>", "settings": {"layout_key": "brand"}}
    step = email_step(template=template, channel_overrides={"to_address": "{{ data.to }}"})
    chat = channel_step("chat_1", "chat", template={"markdown_body": "x", "json_body": "{}"})
    document = kind.read(workflow("Plain", step, chat), "plain")

    assert list(kind.references(document)) == [
        Reference("steps[0].channel_key", CHANNEL, "smtp", "email"),
        Reference("steps[0].template.settings.layout_key", "email_layout", "brand"),
        Reference("steps[1].channel_key", CHANNEL, "slack", "chat"),
    ]
    assert list(kind.templates(document)) == [
        Template("steps[0].template.subject", "Hi", step="email_1"),
        Template("steps[0].template.html_body", "<p>", step="email_1"),
        Template("steps[0].channel_overrides.to_address", "{{ data.to }}", step="email_1"),
        Template("steps[1].template.markdown_body", "x", step="chat_1"),
        Template("steps[1].template.json_body", "{}", Language.JSON, step="chat_1"),
    ]
