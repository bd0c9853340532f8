"""Saving, validating, reading and switching workflows."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.workflow import WORKFLOW
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import PageRequest
from services.content import drafts as service
from services.content.drafts import ContentView
from tests.support.account import Account, email_step, feed_step, note, workflow


async def _get(account: Account, key: str, *, hide: bool = False) -> ContentView[Any]:
    return await service.get_content(
        account.engine,
        await account.scope(),
        WORKFLOW,
        key,
        hide_uncommitted_changes=hide,
    )


async def _refused(account: Account, document: JsonObject, **options: Any) -> list[str]:
    with pytest.raises(InvalidParams) as caught:
        await account.save("plain", document, **options)
    return [error.field for error in caught.value.errors]


def _email(**template: Any) -> JsonObject:
    step = email_step()
    return {**step, "template": {**step["template"], **template}}


async def test_a_saved_workflow_is_read_back(account: Account) -> None:
    """What was saved is answered, active and valid, with its hash and instants."""
    saved = await account.save("plain", workflow("Plain", categories=["a"]))

    view = await _get(account, "plain")

    assert view == saved
    assert (view.content["name"], view.content["categories"]) == ("Plain", ["a"])
    assert (view.environment, view.active, view.valid) == ("development", True, True)
    assert view.created_at == view.updated_at == account.now


async def test_saving_the_same_again_changes_nothing(account: Account) -> None:
    """A save without a change keeps hash and `updated_at`; a change moves both."""
    first = await account.save("plain", workflow("One"))
    again = await account.save("plain", workflow("One"))
    other = await account.save("plain", workflow("Two"))

    assert again == first
    assert other.sha != first.sha
    assert other.updated_at > first.updated_at
    assert other.created_at == first.created_at


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"steps": []}, ["name"]),
        (workflow(steps=[{"type": "teleport", "ref": "a"}]), ["steps[0].type"]),
        (workflow(steps=[_email(subject="{{ oops")]), ["steps[0].template.subject"]),
        (workflow(steps=[_email(html_body="{% if %}")]), ["steps[0].template.html_body"]),
        (
            workflow(steps=[{**_email(), "channel_overrides": {"to_address": "{{ a"}}]),
            ["steps[0].channel_overrides.to_address"],
        ),
        (
            workflow(trigger_data_json_schema={"type": "nonsense"}),
            ["trigger_data_json_schema.type"],
        ),
        ([], ["workflow"]),
    ],
)
async def test_a_broken_document_is_not_saved(
    account: Account, document: Any, fields: list[str]
) -> None:
    """What is wrong inside the document is refused at once, and nothing is kept."""
    assert await _refused(account, document) == fields
    with pytest.raises(NotFound):
        await _get(account, "plain")


async def test_a_step_of_an_unknown_channel_names_the_channel(account: Account) -> None:
    """Without `channel_type` the channel tells the type; one that is not there is the fault."""
    step = feed_step(channel_key="not-yet")
    del step["channel_type"]
    with pytest.raises(InvalidParams, match="channel 'not-yet' does not exist") as refused:
        await account.save("plain", workflow(steps=[step]))
    assert [error.field for error in refused.value.errors] == ["steps[0].channel_key"]


async def test_everything_wrong_is_said_at_once(account: Account) -> None:
    """Structure, templates and the schema of trigger data are judged together."""
    document = workflow("", steps=[_email(subject="{{ oops")], trigger_data_json_schema={"type": 5})

    assert await _refused(account, document) == [
        "name",
        "trigger_data_json_schema.type",
        "steps[0].template.subject",
    ]


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (feed_step(channel_key="nowhere"), "steps[0].channel_key"),
        (feed_step(channel_key="smtp"), "steps[0].channel_key"),
        (_email(settings={"layout_key": "nope"}), "steps[0].template.settings.layout_key"),
    ],
)
async def test_a_reference_that_leads_nowhere_is_saved_but_not_committed(
    account: Account, step: JsonObject, field: str
) -> None:
    """A missing channel or layout, or a channel of another type, makes a workflow not valid."""
    saved = await account.save("plain", workflow(steps=[step]))
    assert saved.valid is False

    assert await _refused(account, workflow(steps=[step]), commit=note()) == [field]
    environment = await account.scope()
    with pytest.raises(InvalidParams, match=r"channel|layout"):
        await service.validate_content(
            account.engine, environment, WORKFLOW, "plain", workflow(steps=[step])
        )


async def test_a_refused_commit_saves_nothing_either(account: Account) -> None:
    """Save and commit are one transaction."""
    await account.save("plain", workflow("Before"))

    await _refused(
        account, workflow("After", steps=[feed_step(channel_key="nowhere")]), commit=note()
    )

    assert (await _get(account, "plain")).content["name"] == "Before"


async def test_a_step_takes_its_type_from_its_channel(account: Account) -> None:
    """Knock's schema lets a channel step leave `channel_type` out."""
    step = {name: value for name, value in feed_step().items() if name != "channel_type"}

    saved = await account.save("plain", workflow(steps=[step]))

    assert saved.content["steps"][0]["channel_type"] == "in_app_feed"


async def test_uncommitted_changes_can_be_hidden(account: Account) -> None:
    """A reader chooses between the draft and what was last committed."""
    await account.save("plain", workflow("Committed"), commit=note())
    await account.save("plain", workflow("Draft"))
    await account.save("never", workflow("Never committed"))

    assert (await _get(account, "plain")).content["name"] == "Draft"
    assert (await _get(account, "plain", hide=True)).content["name"] == "Committed"
    with pytest.raises(NotFound):
        await _get(account, "never", hide=True)


async def test_lists_are_pages_in_the_order_of_keys(account: Account) -> None:
    """A list shows every workflow once; without drafts it leaves out what was never committed."""
    await account.save("a-first", workflow())
    place = (account.engine, await account.scope(), WORKFLOW)
    page = await service.list_content(*place, PageRequest(2))
    rest = await service.list_content(*place, PageRequest(50, after=page.after))
    committed = await service.list_content(*place, PageRequest(50), hide_uncommitted_changes=True)

    keys = [view.key for view in (*page.rows, *rest.rows)]
    assert keys == ["a-first", "comment-created", "invoice-paid", "welcome"]
    assert [view.key for view in committed.rows] == keys[1:]


async def test_content_is_written_in_the_first_environment(account: Account) -> None:
    """Production is reached by promotion; `force` writes there all the same."""
    assert await _refused(account, workflow(), slug="production") == ["environment"]

    saved = await account.save("plain", workflow(), slug="production", force=True)

    assert saved.environment == "production"


async def test_a_switch_works_at_once_in_one_environment(account: Account) -> None:
    """Active is not versioned, and every environment has its own."""
    here, there = await account.scope(), await account.scope("production")
    off = await service.switch_content(account.engine, here, WORKFLOW, "welcome", active=False)
    other = await service.get_content(account.engine, there, WORKFLOW, "welcome")

    assert (off.active, other.active) == (False, True)
    assert (await _get(account, "welcome")).active is False
    with pytest.raises(NotFound):
        await service.switch_content(account.engine, here, WORKFLOW, "nowhere", active=True)


async def test_a_new_version_leaves_the_switch_alone(account: Account) -> None:
    """Committing or promoting does not turn on what was turned off."""
    await account.rows("UPDATE content_resources SET active = false WHERE key = 'welcome'")

    await account.save("welcome", workflow(), commit=note())

    assert (await _get(account, "welcome")).active is False


async def test_validating_saves_nothing(account: Account) -> None:
    """A valid document is answered as it would be stored, and is not stored."""
    view = await service.validate_content(
        account.engine, await account.scope(), WORKFLOW, "plain", workflow()
    )

    assert (view.valid, view.content["name"]) == (True, "Plain")
    with pytest.raises(NotFound):
        await _get(account, "plain")


async def test_an_archived_workflow_is_gone_for_good(account: Account) -> None:
    """Its key cannot be written again."""
    await account.save("plain", workflow())
    await account.rows("UPDATE content_resources SET archived_at = now() WHERE key = 'plain'")

    with pytest.raises(NotFound):
        await _get(account, "plain")
    with pytest.raises(NotFound, match="archived"):
        await account.save("plain", workflow("Again"))
