"""Templates are checked when a workflow is saved."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.content.email_layout import EMAIL_LAYOUT, EmailLayout
from domain.workflows.steps import ChannelStep
from domain.workflows.steps.base import Reading
from templating.messages.validation import template_errors


def problems(channel_type: ChannelType, template: Any) -> list[tuple[str, str]]:
    """Return paths and messages of what is wrong with the templates of a step."""
    step = ChannelStep.model_validate(
        {
            "ref": "step_1",
            "channel_type": channel_type.value,
            "channel_key": "main",
            "template": template,
        },
        context=Reading(is_lenient=True),
    )
    found = template_errors(step.templates("steps[0]"))
    return [(error.field, error.message) for error in found]


@pytest.mark.parametrize(
    ("channel_type", "template"),
    [
        (ChannelType.EMAIL, {"subject": "{{ a }}", "html_body": "x", "visual_blocks": None,
                             "is_mjml": False, "settings": {"layout_key": "{{"}}),
        (ChannelType.SMS, {"text_body": "{{ a | upcase }}", "settings": {"payload_overrides": ""}}),
        (ChannelType.CHAT, {"markdown_body": "x", "json_body": '{"a": {{ b }}}'}),
        (ChannelType.HTTP, {"method": "POST", "url": "x", "headers": [{"key": "a", "value": "b"}]}),
        (ChannelType.IN_APP_FEED, {"markdown_body": "x", "action_buttons": []}),
    ],
)  # fmt: skip
def test_good_templates_pass(channel_type: ChannelType, template: Any) -> None:
    """Nothing is found wrong with a good template."""
    assert problems(channel_type, template) == []


def test_liquid_errors_have_path_and_line() -> None:
    """Every string of a template is checked, and the error says which one and where in it."""
    template = {
        "markdown_body": "ok\n{{ a | nope }}",
        "action_buttons": [{"label": "x", "action": "x"}, {"label": "{% if %}", "action": "{{ x"}],
    }
    found = problems(ChannelType.IN_APP_FEED, template)
    assert [path for path, _ in found] == [
        "steps[0].template.markdown_body",
        "steps[0].template.action_buttons[1].label",
        "steps[0].template.action_buttons[1].action",
    ]
    assert found[0][1] == "unknown filter 'nope' (line 2, column 8)"


def test_constant_overrides_must_be_objects() -> None:
    """JSON without Liquid in it is checked at once; with Liquid it has to wait for a rendering."""
    template = {"text_body": "x", "settings": {"payload_overrides": "[1]"}}
    assert problems(ChannelType.SMS, template) == [
        ("steps[0].template.settings.payload_overrides", "must render to a JSON object")
    ]
    found = problems(ChannelType.CHAT, {"markdown_body": "x", "json_body": "{"})
    assert [path for path, _ in found] == ["steps[0].template.json_body"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ a | timezone: 'Mars/Olympus' }}", "timezone: unknown time zone 'Mars/Olympus'"),
        ("{{ a | date: '%H', 'PST' }}", "date: unknown time zone 'PST'"),
        ("{{ a | date: '%H', 'Europe/Berlin' | timezone: '' }}", "timezone: unknown time zone ''"),
        ("{{ a | currency: 'pounds' }}", "currency: 'pounds' is not a currency code"),
        ("{{ a | currency: 7, 'en' }}", "currency: '7' is not a currency code"),
        ("{{ a | rounded_currency: '€' }}", "rounded_currency: '€' is not a currency code"),
        ("{{ a | format_date_in_locale: 'en', 'huge' }}", "format_date_in_locale: unknown format"),
        ("{{ a | format_datetime_in_locale: 'en', 'full', '' | format_datetime_in_locale: b, c, 1 "
         "}}", "format_datetime_in_locale: unknown format '1'"),
        ("{{ a | compare_versions: 'newest' }}", "compare_versions: 'newest' is not a version"),
        ("{{ a | pluralize: 'item' }}", "pluralize: missing a required argument: 'plural'"),
        ("{{ a | hmac_sha256 }}", "hmac_sha256: missing a required argument: 'key'"),
        ("{{ a | object }}", "object: missing a required argument: 'collection'"),
        ("{{ a | upcase: 'b' }}", "upcase: too many positional arguments"),
        ("{{ a | truncate: words: 3 }}", "truncate: got an unexpected keyword argument 'words'"),
    ],
)  # fmt: skip
def test_filters_that_cannot_work_are_refused(source: str, message: str) -> None:
    """A filter that fails whatever the data are is told with its name and its place."""
    for written, line in ((source, 1), (f"{{% if b %}}\n{source}{{% endif %}}", 2)):
        ((path, told),) = problems(ChannelType.SMS, {"text_body": written})
        assert path == "steps[0].template.text_body"
        assert message in told
        assert f"(line {line}, column " in told


@pytest.mark.parametrize(
    "source",
    [
        "{{ a | timezone: recipient.timezone | date: 'PST' }}",
        "{{ a | date: '%H', 'Europe/Berlin' }}",
        "{{ a | currency }}{{ a | currency: '' }}{{ a | currency: nil }}{{ a | currency: ' eur' }}",
        "{{ a | currency: data.code, recipient.locale }}{{ a | rounded_currency: 'XYZ' }}",
        "{{ a | format_datetime_in_locale }}{{ a | format_date_in_locale: 'en', data.width }}",
        "{{ a | compare_versions: 'v2.0.1-rc.1' }}{{ a | compare_versions: b }}",
        "{{ 'greeting' | t: count: 3, context: 'x' }}{{ a | object: 'projects' }}",
        "{{ a | default: 'b', allow_false: true }}{{ a | slice: 1 }}{{ a | escape }}{{ a | date }}",
    ],
)
def test_filters_that_may_work_are_not_refused(source: str) -> None:
    """What only the data tell is judged when there are some."""
    assert problems(ChannelType.SMS, {"text_body": source}) == []


@pytest.mark.parametrize(
    ("settings", "html_body", "message"),
    [
        ({}, "<mj-text>a</mj-text>", "unexpected token '<mj-text'. (line 1, column 1)"),
        ({"layout_key": ""}, "<mjml>\n<mj-bod></mj-bod></mjml>", "(line 2, column 1)"),
        ({"layout_key": "own"}, "<mj-text>a</mj-text>", None),
        ({"layout_key": "own"}, "{{ a }}\n<mj-section>", "<mj-section> is not closed. (line 2"),
        ({"layout_key": "own"}, "{{ a | nope }}<mj-section>", "unknown filter"),
    ],
)
def test_mjml_is_compiled(settings: Any, html_body: str, message: str | None) -> None:
    """What cannot be compiled is told when it is saved, with its place."""
    template = {"subject": "s", "html_body": html_body, "is_mjml": True, "settings": settings}
    found = problems(ChannelType.EMAIL, template)
    assert [path for path, _ in found] == ["steps[0].template.html_body"] * (message is not None)
    assert message is None or message in found[0][1]


def test_a_layout_is_compiled() -> None:
    """A layout of MJML is a whole document."""
    layout = EmailLayout(
        "<mjml>\n<mj-bod>{{ content }}</mj-bod></mjml>", "{{ content }}", is_mjml=True
    )
    (error,) = template_errors(EMAIL_LAYOUT.templates(layout))
    assert (error.field, error.type) == ("html_layout", "invalid_mjml")
    assert "line 2" in error.message


@pytest.mark.parametrize(
    ("is_mjml", "layout", "wrong"),
    [(True, {"is_mjml": False}, True), (True, {}, True), (True, {"is_mjml": True}, False),
     (False, {"is_mjml": False}, False), (None, {"is_mjml": True}, False)],
)  # fmt: skip
def test_mjml_needs_a_layout_of_mjml(is_mjml: Any, layout: Any, wrong: bool) -> None:
    """That is told where content is judged against what it refers to."""
    step = ChannelStep.model_validate(
        {
            "ref": "email_1",
            "channel_type": "email",
            "channel_key": "main",
            "template": {"subject": "s", "html_body": "", "is_mjml": is_mjml,
                         "settings": {"layout_key": "own"}},
        },
        context=Reading(is_lenient=True),
    )  # fmt: skip
    (reference,) = [each for each in step.references("steps[0]") if each.misfits is not None]
    assert reference.misfits is not None
    found = [error.field for error in reference.misfits(layout)]
    assert found == ["steps[0].template.is_mjml"] * wrong
