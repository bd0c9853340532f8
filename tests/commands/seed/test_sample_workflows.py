"""The sample workflows, rendered as a run renders them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from commands.seed.sample_workflows import SAMPLE_WORKFLOWS
from domain.channels.types import ChannelType
from domain.conditions import ConditionScope, evaluate
from domain.kit.json_types import JsonObject
from domain.workflows import check_workflow
from domain.workflows.steps import ChannelStep
from services.json_schemas import compile_schema
from templating.messages.context import build_scope
from templating.messages.default_layout import default_layout
from templating.messages.render import render_content

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ELLIE: JsonObject = {"id": "ellie", "name": "Ellie <Sattler>", "email": "ellie@example.com"}
ALAN: JsonObject = {"id": "alan", "name": "Alan"}
DATA: JsonObject = {
    "comment": "Clever <b>girl</b>",
    "document_title": "Field notes",
    "invoice_number": 'A "1"',
    "amount": "49.00 EUR",
    "webhook_url": "https://example.com/hook",
}


def _scope(data: JsonObject, actor: JsonObject | None = None) -> JsonObject:
    return build_scope(
        data=data,
        recipient=ELLIE,
        actor=actor,
        tenant=None,
        workflow={"key": "sample"},
        variables={},
        now_iso="2026-03-01T12:00:00Z",
    )


def _step(key: str, ref: str) -> ChannelStep:
    definition = check_workflow(SAMPLE_WORKFLOWS[key], key)
    return cast(ChannelStep, next(step for step in definition.steps if step.ref == ref))


def _render(key: str, ref: str, data: JsonObject, actor: JsonObject | None = None) -> JsonObject:
    step = _step(key, ref)
    is_mail = step.channel_type is ChannelType.EMAIL
    return render_content(
        step.channel_type,
        step.template,
        _scope(data, actor),
        settings={"from_address": "hello@carillon.example"} if is_mail else {},
        layout=default_layout() if is_mail else None,
    )


@pytest.mark.parametrize("data", [{}, DATA])
@pytest.mark.parametrize("key", list(SAMPLE_WORKFLOWS))
def test_every_sample_renders_with_and_without_data(key: str, data: JsonObject) -> None:
    """A newcomer's first trigger with an empty body works, and shows no trace of Liquid."""
    for step in check_workflow(SAMPLE_WORKFLOWS[key], key).steps:
        if isinstance(step, ChannelStep):
            texts = _texts(_render(key, step.ref, data))
            assert texts
            assert not any("{%" in text or "{{" in text for text in texts)


def _texts(value: Any) -> list[str]:
    """Return every rendered text; a feed block keeps its source beside what was rendered."""
    if isinstance(value, dict):
        return [text for name, part in value.items() if name != "content" for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def test_names_are_greeted_and_escaped() -> None:
    """What a user is called cannot change the markup of the e-mail."""
    content = _render("welcome", "email_1", {})

    assert content["subject_line"] == "Welcome, Ellie <Sattler>!"
    assert "Ellie &lt;Sattler&gt;" in content["html_body"]
    assert "https://example.com/start" in content["html_body"]


def test_the_webhook_body_is_json_whatever_the_data() -> None:
    """Quotes in the data stay data."""
    content = _render("invoice-paid", "webhook_1", DATA)

    assert json.loads(content["body"]) == {
        "event": "invoice.paid",
        "invoice_number": 'A "1"',
        "amount": "49.00 EUR",
        "customer": "ellie",
    }
    assert (content["method"], content["url"]) == ("post", "https://example.com/hook")


@pytest.mark.parametrize(
    ("actor", "engagement", "feed", "email"),
    [
        (ALAN, ["seen"], True, False),
        (ALAN, [], True, True),
        (None, [], True, True),
        (ELLIE, [], False, False),
    ],
)
def test_a_comment_goes_to_the_others_and_by_mail_to_those_who_did_not_look(
    actor: JsonObject | None, engagement: list[str], feed: bool, email: bool
) -> None:
    """The author hears nothing of their own comment; seen in the app means no e-mail."""
    message = {"delivery_status": "delivered", "engagement": engagement}
    refs = {"in_app_1": {"messages": [message], "skipped": False}}
    scope = ConditionScope(values={**_scope(DATA, actor), "refs": refs}, now=NOW)

    for ref, expected in (("in_app_1", feed), ("email_1", email)):
        conditions = _step("comment-created", ref).conditions
        assert conditions is not None
        assert evaluate(conditions, scope).passed is expected


async def test_the_schema_of_invoices_asks_for_number_and_amount() -> None:
    """A trigger without them is refused."""
    schema = compile_schema(SAMPLE_WORKFLOWS["invoice-paid"]["trigger_data_json_schema"])

    assert not await schema.violations(DATA, 0)
    assert await schema.violations({"amount": "49.00 EUR"}, 0)
