"""What is archived stays in use by what refers to it, and nothing else may refer to it any more."""

from __future__ import annotations

import pytest

from domain.content.kinds import KINDS
from domain.content.rows import Selection
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from services.content import commits
from services.content.archiving import archive
from services.content.changes import revert_commit
from services.content.drafts import validate_content
from tests.support.account import AUTHOR, Account, email_step, note, workflow
from tests.support.documents import DOCUMENTS
from tests.support.guides import guide
from tests.support.steps import (
    audience_step,
    feed_step,
    shared_fetch_step,
    trigger_step,
    with_template,
)

ALL = Selection()
KEY = "gone"
# What refers to content of a type, of which kind that is, and where it does so.
REFERRERS: dict[str, tuple[str, str, JsonObject, str]] = {
    "a partial in Liquid": (
        "partial", "workflow", workflow("Plain", feed_step("{% render 'gone' %}")),
        "steps[0].template.markdown_body",
    ),
    "a partial as a block": (
        "partial", "workflow",
        workflow("Plain", with_template(
            {**email_step(), "template": {"subject": "x"}},
            visual_blocks=[{"type": "partial", "key": KEY, "attrs": {}}],
        )),
        "steps[0].template.visual_blocks[0].key",
    ),
    "a partial in a partial": (
        "partial", "partial",
        {"name": "Outer", "type": "html", "content": "{% render 'gone' %}"}, "content",
    ),
    "a partial in a layout": (
        "partial", "email_layout",
        {**DOCUMENTS["email_layout"], "html_layout": "{{ content }}{% render 'gone' %}"},
        "html_layout",
    ),
    "a layout": (
        "email_layout", "workflow",
        workflow("Plain", with_template(email_step(), settings={"layout_key": KEY})),
        "steps[0].template.settings.layout_key",
    ),
    "a request": (
        "reusable_request", "workflow", workflow("Plain", shared_fetch_step(KEY, id="1")),
        "steps[0].settings.reusable_request_key",
    ),
    "an audience that a step adds to": (
        "audience", "workflow", workflow("Plain", audience_step(KEY)),
        "steps[0].settings.audience_key",
    ),
    "a workflow that a step triggers": (
        "workflow", "workflow", workflow("Plain", trigger_step(KEY)),
        "steps[0].settings.workflow_key",
    ),
    "an audience of a guide": (
        "audience", "guide", guide(channel_key="in-app-guide", target_audience_key=KEY),
        "target_audience_key",
    ),
}  # fmt: skip
_SAVED = {"email_layout": {**DOCUMENTS["email_layout"]}, "workflow": workflow("Target")}


async def _commit_all(account: Account) -> None:
    await commits.commit_all(account.engine, await account.scope(), ALL, note("All"))


async def _promote(account: Account) -> None:
    await commits.promote_all(account.engine, "production", ALL, AUTHOR)


@pytest.mark.parametrize("case", list(REFERRERS))
async def test_what_refers_to_it_may_be_committed_again(account: Account, case: str) -> None:
    """Validated, saved with a commit, committed with all, and promoted, as long as it refers."""
    target, name, document, _ = REFERRERS[case]
    kind, scope = KINDS[name], await account.scope()
    made = _SAVED.get(target, DOCUMENTS[target])
    if target == "audience":
        made = {"name": "Gone", "type": "static"} if "step" in case else made
        await account.save(KEY, made, kind=KINDS[target], commit=note(), slug="production",
                           force=True)  # fmt: skip
    await account.save(KEY, made, kind=KINDS[target], commit=note())
    await account.save("outer", document, kind=kind, commit=note())
    await _promote(account)
    await archive(account.engine, None, target, KEY)

    again = {**document, "name": "Again"}
    assert not (await validate_content(account.engine, scope, kind, "outer", again)).valid
    await account.save("outer", again, kind=kind, commit=note())
    await account.save("outer", {**document, "name": "Once more"}, kind=kind)
    await _commit_all(account)
    await _promote(account)
    there = await account.rows(
        "SELECT v.content FROM content_resources r JOIN environments e ON e.id = r.environment_id"
        " JOIN content_versions v ON v.id = r.published_version_id"
        " WHERE r.key = 'outer' AND e.slug = 'production'"
    )
    assert [row["content"]["name"] for row in there] == ["Once more"]


@pytest.mark.parametrize("case", list(REFERRERS))
async def test_nothing_else_may_refer_to_it(account: Account, case: str) -> None:
    """It is told that it is archived, also where it was referred to once and is no more."""
    target, name, document, place = REFERRERS[case]
    kind, scope = KINDS[name], await account.scope()
    made = {"name": "Gone", "type": "static"} if target == "audience" else (
        _SAVED.get(target, DOCUMENTS[target])
    )  # fmt: skip
    without = {**document, "steps": []} if name == "workflow" else DOCUMENTS[name]
    if name == "guide":
        without = {**document, "target_audience_key": None}
    await account.save(KEY, made, kind=KINDS[target], commit=note())
    await account.save("outer", document, kind=kind, commit=note())
    await account.save("outer", without, kind=kind, commit=note())
    await archive(account.engine, None, target, KEY)
    for key in ("outer", "other"):
        await account.save(key, document, kind=kind)
    with pytest.raises(InvalidParams) as refused:
        await _commit_all(account)
    told = f"{KINDS[target].noun} 'gone' is archived: take it out, or refer to another one"
    assert {error.field: error.message for error in refused.value.errors} == {
        f"{name}.{key}.{place}": told for key in ("outer", "other")
    }
    # What may follow is not asked for by these.
    if target in ("workflow", "guide") or name == "partial":
        return
    with pytest.raises(InvalidParams, match="is archived"):
        await validate_content(account.engine, scope, kind, "other", document)
    with pytest.raises(InvalidParams, match="is archived"):
        await account.save("other", document, kind=kind, commit=note())


async def test_a_promotion_brings_no_archived_content(account: Account) -> None:
    """What has only come to refer to it since the last promotion is not promoted."""
    await account.save("outer", workflow("Plain", feed_step("plain")), commit=note())
    await account.save(KEY, DOCUMENTS["partial"], kind=KINDS["partial"], commit=note())
    await _promote(account)
    await account.save("outer", workflow("Two", feed_step("{% render 'gone' %}")), commit=note())
    await account.save("outer", workflow("Three", feed_step("{% render 'gone' %}")), commit=note())
    await archive(account.engine, None, "partial", KEY)
    with pytest.raises(InvalidParams, match="partial 'gone' is archived"):
        await _promote(account)


async def test_a_commit_that_brought_it_back_is_refused(account: Account) -> None:
    """What a commit has taken out is archived since, so the commit cannot be taken back."""
    await account.save(KEY, DOCUMENTS["partial"], kind=KINDS["partial"], commit=note())
    await account.save("outer", workflow("One", feed_step("{% render 'gone' %}")), commit=note())
    await account.save("outer", workflow("Two", feed_step("plain")), commit=note())
    await archive(account.engine, None, "partial", KEY)
    rows = await account.rows("SELECT id FROM commits ORDER BY id DESC LIMIT 1")
    with pytest.raises(InvalidParams, match="partial 'gone' is archived"):
        await revert_commit(account.engine, str(rows[0]["id"]), note())


async def test_an_archived_key_is_told_when_validating(account: Account) -> None:
    """Nothing can be saved under it again, so validating says so as saving does."""
    scope, kind = await account.scope(), KINDS["workflow"]
    await account.save("plain", workflow("Plain"), commit=note())
    await archive(account.engine, scope, "workflow", "plain")

    with pytest.raises(NotFound, match="archived"):
        await validate_content(account.engine, scope, kind, "plain", workflow("Plain"))
    await validate_content(account.engine, scope, kind, "other", workflow("Plain"))
