"""A step's template is previewed as it would be sent, and nothing is left behind."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.partial import PARTIAL
from domain.content.translation import TRANSLATION
from domain.kit.json_types import JsonObject
from providers.registry import MASK
from tests.support.account import Account, note
from tests.support.guides import CHANNEL_KEY, publish_guide
from tests.support.steps import (
    batch_step,
    branch,
    branch_step,
    channel_step,
    delay_step,
    fetch_step,
    shared_fetch_step,
    when,
    workflow,
)

ROSA = {"id": "rosa", "name": "Rosa", "email": "rosa@example.com", "locale": "es-MX"}
ACME = {"id": "acme", "name": "Acme", "settings": {"branding": {"primary_color": "#123456"}}}


async def save(management: httpx.AsyncClient, *steps: JsonObject, **query: Any) -> None:
    """Save a workflow, by default without a commit."""
    response = await management.put(
        "/v1/workflows/plain", json={"workflow": workflow("Plain", *steps)}, params=query
    )
    assert response.status_code == 200, response.text


async def preview(
    management: httpx.AsyncClient, ref: str, /, *, key: str = "plain", **body: Any
) -> JsonObject:
    """Ask for a preview, for Rosa unless it is for somebody else."""
    path = f"/v1/workflows/{key}/steps/{ref}/preview_template"
    response = await management.post(path, json={"recipient": ROSA, **body})
    assert response.status_code == 200, response.text
    answer: JsonObject = response.json()
    return answer


async def shown(management: httpx.AsyncClient, source: str, **body: Any) -> str:
    """Return what Liquid in a feed item renders to, as HTML."""
    await save(management, channel_step("feed", template={"markdown_body": source}))
    answer = await preview(management, "feed", **body)
    assert answer["result"] == "success", answer
    return str(answer["template"]["markdown_body"]).strip()


async def test_it_is_what_a_run_makes(management: httpx.AsyncClient, account: Account) -> None:
    """Layout, partial, translation, branding, variables and channel settings are those of a run."""
    await account.save(
        "own",
        {
            "name": "Own",
            "html_layout": "<html><head><style>p{color:{{ vars.branding.primary_color }}}</style>"
            "</head><body>{{ content }}{{ footer_links }}</body></html>",
            "text_layout": "{{ content }} -- {{ tenant.name }}",
            "footer_links": [{"text": "Help", "url": "https://x.example/{{ recipient.id }}"}],
        },
        kind=EMAIL_LAYOUT,
        commit=note(),
    )
    partial = {"name": "Card", "type": "html", "content": "<b>{{ title }}</b>"}
    await account.save("card", partial, kind=PARTIAL, commit=note())
    texts = {"content": '{"hi": "Hola {{ name }}"}', "format": "json"}
    await account.save("es", texts, kind=TRANSLATION, commit=note())
    template = {
        "subject": "{{ 'hi' | t: name: recipient.name }} from {{ actor.name }}",
        "html_body": "<p>{% render 'card', title: data.title %} {{ recipient.email }}</p>",
        "settings": {"layout_key": "own"},
    }
    step = channel_step("mail", "email", template=template)
    await save(management, step, commit="true")
    people = {"actor": {"id": "tom", "name": "Tom"}, "tenant": ACME, "data": {"title": "A & B"}}

    answer = await preview(management, "mail", **people)

    assert (answer["result"], answer["content_type"]) == ("success", "email")
    assert "errors" not in answer
    seen = answer["template"]
    assert seen["subject"] == "Hola Rosa from Tom"
    assert seen["settings"] == {"layout_key": "own"}
    world = await account.world()
    for table in ("recipients", "recipient_runs", "messages", "workflow_runs"):
        rows = await world.make.rows(f"SELECT 1 FROM {table} WHERE environment_id = %s",
                                     world.environment.id)  # fmt: skip
        assert len(rows) == 0, table
    run_id = await world.begin("plain", ROSA, **people)
    await world.walk(run_id)
    ((message,)) = await world.messages(run_id)
    content = message["content"]
    assert (content["subject_line"], content["html_body"], content["text_body"]) == (
        seen["subject"], seen["html_body"], seen["text_body"],
    )  # fmt: skip
    assert "#123456" in seen["html_body"]


@pytest.mark.parametrize(
    ("channel_type", "template", "expected"),
    [
        ("sms", {"text_body": "Hi {{ recipient.name }}",
                 "settings": {"to_number": "+{{ data.n }}",
                              "payload_overrides": '{"a": {{ data.n }}}'}},
         {"text_body": "Hi Rosa",
          "settings": {"to_number": "+1", "payload_overrides": '{"a": 1}'}}),
        ("push", {"title": "{{ data.n }}", "text_body": "{{ recipient.name }}"},
         {"title": "1", "text_body": "Rosa", "settings": {"delivery_type": "content"}}),
        ("chat", {"markdown_body": "**{{ data.n }}**", "summary": "{{ recipient.name }}"},
         {"markdown_body": "**1**", "summary": "Rosa"}),
        ("chat", {"markdown_body": "", "json_body": '{"a": {{ data.n }}}'},
         {"markdown_body": "", "json_body": '{"a": 1}'}),
        ("in_app_feed",
         {"markdown_body": "**{{ recipient.name }}**", "action_url": "/{{ data.n }}"},
         {"markdown_body": "<p><strong>Rosa</strong></p>\n", "action_url": "/1"}),
        ("in_app_feed", {"markdown_body": "x",
                         "action_buttons": [{"label": "{{ data.n }}", "action": "/a"}]},
         {"markdown_body": "<p>x</p>\n", "action_buttons": [{"label": "1", "action": "/a"}]}),
        ("http", {"method": "post", "url": "https://x.example/{{ data.n }}?token=abc",
                  "headers": [{"key": "authorization", "value": "Bearer abc"}],
                  "body": "{{ data.n }}"},
         {"method": "post", "url": f"https://x.example/1?token={MASK}", "body": "1",
          "headers": [{"key": "authorization", "value": MASK}], "query_params": []}),
    ],
)  # fmt: skip
async def test_every_channel_type_has_its_own_template_filled(
    management: httpx.AsyncClient, channel_type: str, template: Any, expected: Any
) -> None:
    """The answer has the shape of the template, without Liquid and without credentials."""
    await save(management, channel_step("one", channel_type, template=template))
    answer = await preview(management, "one", data={"n": 1})
    assert answer == {"result": "success", "content_type": channel_type, "template": expected}


async def test_a_fetch_step_shows_its_request(management: httpx.AsyncClient) -> None:
    """A fetch step renders a request, and what must be JSON is judged as in a run."""
    step = fetch_step(method="post", url="https://x.example/{{ data.n }}", body="{{ data.body }}")
    await save(management, step)
    answer = await preview(management, "fetch", data={"n": 2, "body": {"a": 1}})
    assert answer["content_type"] == "http"
    assert answer["template"]["url"] == "https://x.example/2"
    assert json.loads(answer["template"]["body"]) == {"a": 1}

    broken = await preview(management, "fetch", data={"n": 2, "body": "no JSON"})

    assert broken["result"] == "error"
    assert "not JSON" in broken["errors"][0]["message"]


async def test_a_fetch_step_shows_its_reusable_request(management: httpx.AsyncClient) -> None:
    """What is committed of it is rendered with the step's inputs; faults are those of the run."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    settings = {
        "url": "https://x.example/{{ inputs.n | plus: 1 }}",
        "data_input_schema": schema,
        "signing_key": "s3cret",
    }
    await save(management, shared_fetch_step("find", n="{{ data.n }}"))
    missing = await preview(management, "fetch", data={"n": 2})
    assert "no published reusable request 'find'" in missing["errors"][0]["message"]

    await management.put(
        "/v1/reusable_requests/find",
        json={"reusable_request": {"settings": settings}},
        params={"commit": "true"},
    )
    answer = await preview(management, "fetch", data={"n": 2})
    assert answer["content_type"] == "http"
    assert answer["template"]["url"] == "https://x.example/3"
    assert "s3cret" not in json.dumps(answer)

    refused = await preview(management, "fetch", data={"n": "two"})
    assert refused["result"] == "error"
    assert 'inputs.n: "two" is not of type "integer"' in refused["errors"][0]["message"]


async def test_a_webhook_step_shows_the_request_with_its_inputs(
    management: httpx.AsyncClient,
) -> None:
    """The channel's own request sees what the step gives; faults of that are those of the run."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    settings = {"url": "https://x.example/{{ inputs.n | plus: 1 }}", "input_schema": schema}
    made = await management.put(
        "/v1/admin/channels/webhook/environments/development", json={"channel_settings": settings}
    )
    assert made.status_code == 200, made.text
    step = channel_step("hook", "http", template={}, inputs={"n": "{{ data.n }}"})
    await save(management, step)
    answer = await preview(management, "hook", data={"n": 2})
    assert answer["template"]["url"] == "https://x.example/3"
    refused = await preview(management, "hook", data={"n": "two"})
    assert 'inputs.n: "two" is not of type "integer"' in refused["errors"][0]["message"]


async def test_a_reusable_request_alone(management: httpx.AsyncClient) -> None:
    """Its draft is rendered with the inputs that are kept with it, or with others."""
    settings = {
        "method": "post",
        "url": "https://x.example/{{ recipient.id }}",
        "body": '{"n": {{ inputs.n }}}',
        "data_input_schema": {"properties": {"n": {"type": "integer"}}, "required": ["n"]},
        "data_input_values_str": '{"n": "{{ data.n }}"}',
    }
    await management.put(
        "/v1/reusable_requests/find", json={"reusable_request": {"settings": settings}}
    )
    path = "/v1/admin/reusable_requests/find/preview"

    async def shown_as(**body: Any) -> Any:
        response = await management.post(path, json={"recipient": ROSA, **body})
        assert response.status_code == 200, response.text
        return response.json()

    kept = await shown_as(data={"n": 7})
    assert kept["template"]["url"] == "https://x.example/rosa"
    assert json.loads(kept["template"]["body"]) == {"n": 7}
    given = await shown_as(inputs={"n": 1})
    assert json.loads(given["template"]["body"]) == {"n": 1}
    wrong = await shown_as(inputs={})
    assert '"n" is a required property' in wrong["errors"][0]["message"]
    broken = await shown_as(inputs={"n": "{{ data.x | nope }}"})
    assert (broken["result"], broken["errors"][0]["field"]) == ("error", "inputs.n")

    missing = await management.post(path.replace("find", "nowhere"), json={"recipient": ROSA})
    assert missing.status_code == 404


async def test_links_are_not_tracked(management: httpx.AsyncClient) -> None:
    """Nobody is sent a preview, so it has the links that are written, and no image."""
    html = '<a href="https://x.example/1" data-knock-no-track>x</a>'
    template = {"subject": "x", "html_body": html, "settings": {"layout_key": None}}
    overrides = {"link_tracking": True, "open_tracking": True}
    step = channel_step("one", "email", template=template, channel_overrides=overrides)
    await save(management, step)
    assert (await preview(management, "one"))["template"]["html_body"] == html


async def test_the_draft_is_shown(management: httpx.AsyncClient) -> None:
    """A preview shows what is saved, committed or not."""
    await save(management, channel_step("feed", template={"markdown_body": "a"}), commit="true")
    assert await shown(management, "b") == "<p>b</p>"


async def test_people_are_seen_as_if_they_were_identified(
    management: httpx.AsyncClient, account: Account
) -> None:
    """What is said of somebody lies over what is stored; an id alone sees what is stored."""
    world = await account.world()
    await world.identify("tom", name="Tom", plan={"name": "pro", "seats": 3})
    source = "{{ recipient.id }} {{ recipient.name }} {{ recipient.plan | json }}"

    stored = '<p>tom Tom {"name":"pro","seats":3}</p>'
    assert await shown(management, source, recipient="tom") == stored
    described = {"id": "tom", "plan": {"seats": 4}}
    seen = await shown(management, source, recipient=described)
    assert seen == '<p>tom Tom {"name":"pro","seats":4}</p>'
    assert await shown(management, source, recipient="tom") == stored


async def test_whoever_is_unknown_is_seen_as_nothing(management: httpx.AsyncClient) -> None:
    """An id that nobody has is no fault: templates see nothing of them."""
    source = "[{{ recipient.name }}{{ actor.name }}{{ tenant.id }}]"
    assert await shown(management, source, recipient="nobody", actor="nobody") == "<p>[]</p>"
    whole = {"collection": "projects", "id": "p1"}
    assert await shown(management, source, recipient=whole, tenant="new") == "<p>[new]</p>"


ACTIVITIES = (
    "{{ total_activities }}/{{ total_actors }}:"
    "{% for a in activities %} {{ a.actor.name }}-{{ a.n }}{% endfor %}"
    " {{ actors | map: 'name' | join: '+' }}"
    " {{ data.n }} {{ data.list | size }}"
)


async def test_a_step_behind_a_batch_sees_activities(management: httpx.AsyncClient) -> None:
    """Example activities are shown as the batch would, and their data is combined."""
    feed = channel_step("feed", template={"markdown_body": ACTIVITIES})
    await save(management, batch_step(batch_items_render_limit=2, batch_order="desc"), feed)
    activities = [
        {"data": {"n": n, "list": [1]}, "actor": {"id": name.lower(), "name": name}}
        for n, name in enumerate(("Tom", "Ada", "Ada"))
    ]

    answer = await preview(management, "feed", data={"list": [1, 2]}, activities=activities)

    # Lists of items are not combined; that of the item that opened the batch stays.
    assert answer["template"]["markdown_body"] == "<p>3/2: Ada-1 Ada-2 Tom+Ada 2 2</p>\n"

    alone = await preview(management, "feed", data={"n": 7}, actor={"id": "tom", "name": "Tom"})

    assert alone["template"]["markdown_body"] == "<p>1/1: Tom-7 Tom 7 0</p>\n"


async def test_activities_need_a_batch(management: httpx.AsyncClient) -> None:
    """A batch within a branch is behind nobody outside of it."""
    feed = channel_step("feed", template={"markdown_body": ACTIVITIES})
    inside = channel_step("inside", template={"markdown_body": ACTIVITIES})
    way = branch("a", batch_step(), inside, conditions=when("data.a", "equal_to", "1"))
    await save(management, branch_step("choice", way, branch("b")), feed)

    answer = await preview(management, "inside", activities=[{"data": {"n": 1}}])

    assert answer["template"]["markdown_body"] == "<p>1/0: -1  1 0</p>\n"
    path = "/v1/workflows/plain/steps/feed/preview_template"
    response = await management.post(path, json={"recipient": "a", "activities": [{}]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "activities"


async def test_errors_have_their_place(management: httpx.AsyncClient) -> None:
    """A template that cannot be rendered is answered as it is written, with field and place."""
    template = {
        "subject": "x",
        "html_body": "a\n{{ data.text | from_json }}",
        "settings": {"layout_key": None},
    }
    await save(management, channel_step("mail", "email", template=template))

    answer = await preview(management, "mail", data={"text": "no JSON"})

    (error,) = answer.pop("errors")
    assert error.pop("message").startswith("from_json")
    assert error == {"field": "html_body", "line": 2, "column": 16}
    assert (answer["result"], answer["content_type"]) == ("error", "email")
    assert answer["template"]["html_body"] == template["html_body"]


async def test_a_missing_layout_or_partial_is_an_error(management: httpx.AsyncClient) -> None:
    """What is not committed is not there, as in a run."""
    template = {"subject": "x", "html_body": "y", "settings": {"layout_key": "nope"}}
    await save(management, channel_step("mail", "email", template=template))
    answer = await preview(management, "mail")
    assert answer["errors"][0]["field"] == "settings.layout_key"
    await save(management, channel_step("sms", "sms", template={"text_body": "{% render 'no' %}"}))
    answer = await preview(management, "sms")
    assert answer["errors"] == [
        {"message": "there is no published partial 'no'", "field": "text_body", "line": 1,
         "column": 4}
    ]  # fmt: skip


async def test_secrets_of_variables_are_not_shown(management: httpx.AsyncClient) -> None:
    """A preview blanks what is secret, wherever a template puts it."""
    variable = {"variable": {"value": "s3cr3t-value", "type": "secret"}}
    response = await management.put("/v1/admin/variables/hidden", json=variable)
    assert response.status_code == 200, response.text
    assert "s3cr3t" not in await shown(management, "[{{ vars.hidden }}]")


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("nothing/steps/feed", {"recipient": "a"}, 404, None),
        ("plain/steps/nothing", {"recipient": "a"}, 404, None),
        ("plain/steps/wait", {"recipient": "a"}, 422, "step_ref"),
        ("plain/steps/feed", {}, 422, "recipient"),
        ("plain/steps/feed", {"recipient": 7}, 422, "recipient"),
        ("plain/steps/feed", {"recipient": "a", "data": []}, 200, None),
        ("plain/steps/feed", {"recipient": "a", "data": "x"}, 422, "data"),
        ("plain/steps/feed", {"recipient": "a", "actor": {"id": ""}}, 422, "actor.id"),
        ("plain/steps/feed", {"recipient": "a", "activities": [{"actor": 1}]}, 422,
         "activities[0].actor"),
        ("plain/steps/feed", {"recipient": "a", "tenant": None, "actor": None}, 200, None),
    ],
)  # fmt: skip
async def test_wrong_requests_are_refused(
    management: httpx.AsyncClient, path: str, body: Any, status: int, field: str | None
) -> None:
    """Every fault is named at its place."""
    await save(management, delay_step("wait"), channel_step("feed"))
    response = await management.post(f"/v1/workflows/{path}/preview_template", json=body)
    assert response.status_code == status
    if field is not None:
        assert response.json()["errors"][0]["field"] == field


async def test_other_environments_see_their_own(management: httpx.AsyncClient) -> None:
    """A draft of development is not there in production."""
    await save(management, channel_step("feed"))
    response = await management.post(
        "/v1/workflows/plain/steps/feed/preview_template",
        json={"recipient": "a"},
        params={"environment": "production"},
    )
    assert response.status_code == 404


async def test_a_step_that_names_a_guide_has_no_template(
    management: httpx.AsyncClient, account: Account
) -> None:
    """It says so at its place, instead of a fault of a template that nobody has written."""
    world = await account.world()
    await world.channel("in_app_guide", CHANNEL_KEY)
    await publish_guide(world, "tour")
    step = {"type": "channel", "ref": "guide_1", "guide_key": "tour"}
    step |= {"channel_type": "in_app_guide", "channel_key": CHANNEL_KEY}
    await account.save("guided", workflow("Guided", step))
    path = "/v1/workflows/guided/steps/guide_1/preview_template"
    response = await management.post(path, json={"recipient": "a"})
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    assert error["field"] == "step_ref"
    assert "names a guide" in error["message"]
