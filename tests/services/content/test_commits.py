"""Commits and promotions: what is published where, and that nothing published ever changes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from domain.content.rows import Commit, CommitFilters, Selection
from domain.kit.authored import ResourceType
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.pages import PageRequest
from models.queries.content.catalog import version_content
from models.queries.content.drafts import get_published
from services.content import changes, commits, publishing
from tests.support.account import AUTHOR, Account, email_step, note, workflow
from tests.support.steps import trigger_step

ALL = Selection()


async def _published(account: Account, key: str, slug: str = "development") -> str | None:
    """Return the name that the published version of a workflow has."""
    environment = await account.scope(slug)
    async with account.engine.database.transaction() as connection:
        found = await get_published(connection, environment.id, "workflow", key)
        if found is None or found.version_id is None:
            return None
        row = await version_content(connection, found.version_id)
    assert row is not None
    return str(row.content["name"])


async def _commit_all(
    account: Account, selection: Selection = ALL, *, allow_empty: bool = False
) -> list[Commit]:
    environment = await account.scope()
    return await commits.commit_all(
        account.engine, environment, selection, note("All", allow_empty=allow_empty)
    )


async def _promote_all(account: Account, to: str = "production") -> list[Commit]:
    return await commits.promote_all(account.engine, to, ALL, AUTHOR)


async def _promote_one(account: Account, commit_id: UUID) -> Commit:
    return await commits.promote_one(account.engine, str(commit_id), AUTHOR)


async def _list(
    account: Account, *, promoted: bool | None = None, slug: str = "development"
) -> list[Commit]:
    filters = CommitFilters([ResourceType.WORKFLOW], "plain", promoted)
    environment = await account.scope(slug)
    page = await commits.list_commits(account.engine, environment, filters, PageRequest(100))
    return list(page.rows)


async def _unpromoted(account: Account) -> list[Commit]:
    filters = CommitFilters([ResourceType.WORKFLOW], None, False)
    environment = await account.scope()
    page = await commits.list_commits(account.engine, environment, filters, PageRequest(100))
    return list(page.rows)


async def test_a_saved_draft_is_not_published(account: Account) -> None:
    """Nothing runs on a draft before it is committed."""
    await account.save("plain", workflow())

    assert await _published(account, "plain") is None


async def test_a_commit_publishes_every_change(account: Account) -> None:
    """Committing all publishes each changed draft, with one commit each, and leaves the rest."""
    await account.save("plain", workflow("One"))
    await account.save("other", workflow("Two"))

    made = await _commit_all(account)

    assert [commit.resource_key for commit in made] == ["other", "plain"]
    assert await _published(account, "plain") == "One"
    assert await _published(account, "other") == "Two"
    assert await _commit_all(account) == []


async def test_an_unchanged_workflow_is_committed_only_when_allowed(account: Account) -> None:
    """Without `allow_empty` there is no commit; with it a new version with the same content."""
    await account.save("plain", workflow(), commit=note())
    await account.save("plain", workflow(), commit=note())
    assert len(await _list(account)) == 1

    await account.save("plain", workflow(), commit=note(allow_empty=True))

    newest, oldest = await _list(account)
    assert (newest.is_empty, oldest.is_empty) == (True, False)
    assert newest.version_id != oldest.version_id


async def test_a_version_never_changes(account: Account) -> None:
    """A run keeps what it was started with, whatever is committed later."""
    await account.save("plain", workflow("Before"), commit=note())
    first = (await _list(account))[0].version_id

    await account.save("plain", workflow("After"), commit=note())

    async with account.engine.database.transaction() as connection:
        row = await version_content(connection, first)
    assert row is not None
    assert row.content["name"] == "Before"
    assert await _published(account, "plain") == "After"


async def test_an_empty_commit_needs_one_resource(account: Account) -> None:
    """`allow_empty` without a single type and id is refused."""
    with pytest.raises(InvalidParams, match="single resource_type and resource_id"):
        await _commit_all(account, allow_empty=True)
    await account.save("plain", workflow(), commit=note())

    made = await _commit_all(account, Selection([ResourceType.WORKFLOW], "plain"), allow_empty=True)

    assert [commit.is_empty for commit in made] == [True]


async def test_a_missing_resource_cannot_be_committed(account: Account) -> None:
    """Committing a resource by name answers 404 when it does not exist."""
    with pytest.raises(NotFound):
        await _commit_all(account, Selection([ResourceType.WORKFLOW], "nowhere"))


async def test_one_broken_workflow_keeps_all_from_being_committed(account: Account) -> None:
    """A commit publishes everything or nothing, and says what is broken where."""
    await account.save("plain", workflow())
    await account.save("broken", workflow(steps=[email_step(channel_key="nowhere")]))

    with pytest.raises(InvalidParams) as caught:
        await _commit_all(account)

    assert [error.field for error in caught.value.errors] == [
        "workflow.broken.steps[0].channel_key"
    ]
    assert await _published(account, "plain") is None


async def test_concurrent_commits_take_turns(account: Account) -> None:
    """However many commit at once, each change is published by exactly one commit."""
    await account.save("plain", workflow())

    made = await asyncio.gather(*(_commit_all(account) for _ in range(4)))

    assert sorted(len(commits_made) for commits_made in made) == [0, 0, 0, 1]


async def test_concurrent_saves_and_commits_end_without_deadlock(account: Account) -> None:
    """Saving with a commit and committing all lock in one order, so both always finish."""
    saves = [
        account.save(f"plain-{index % 3}", workflow(f"Name {index}"), commit=note())
        for index in range(9)
    ]
    await asyncio.gather(*saves, *(_commit_all(account) for _ in range(4)))

    rows = await account.rows(
        "SELECT count(*) AS open FROM content_resources"
        " WHERE draft_sha IS DISTINCT FROM published_sha"
    )
    assert rows == [{"open": 0}]


async def test_promotion_copies_what_was_committed(account: Account) -> None:
    """Every commit arrives with its message, in order; a draft stays where it is."""
    await account.save("plain", workflow("One"), commit=note("first"))
    await account.save("plain", workflow("Two"), commit=note("second"))
    await account.save("plain", workflow("Draft"))

    copies = await _promote_all(account)

    assert [copy.commit_message for copy in copies] == ["first", "second"]
    assert await _published(account, "plain", "production") == "Two"
    listed = await _list(account, slug="production")
    assert [row.commit_message for row in listed] == ["second", "first"]
    assert await _promote_all(account) == []


async def test_promoted_commits_can_be_told_from_others(account: Account) -> None:
    """The filter `promoted` separates what went on from what did not."""
    await account.save("plain", workflow("One"), commit=note())
    await _promote_all(account)
    await account.save("plain", workflow("Two"), commit=note())

    waiting, done = await _list(account, promoted=False), await _list(account, promoted=True)

    assert (len(waiting), len(done)) == (1, 1)
    assert waiting[0].id > done[0].id


async def test_one_commit_moves_one_step_and_once(account: Account) -> None:
    """Promoting a commit again answers with the copy that it already has."""
    await account.save("plain", workflow("One"), commit=note())
    commit = (await _list(account))[0]

    first = await _promote_one(account, commit.id)
    again = await _promote_one(account, commit.id)

    assert first.environment == "production"
    assert first.id == again.id != commit.id
    with pytest.raises(Unprocessable, match="No environment comes after production"):
        await _promote_one(account, first.id)


async def test_an_older_commit_cannot_undo_a_promoted_newer_one(account: Account) -> None:
    """Promoting a commit settles the ones before it, so promoting all never goes back."""
    await account.save("plain", workflow("One"), commit=note())
    await account.save("plain", workflow("Two"), commit=note())
    newer, older = await _list(account)
    await _promote_one(account, newer.id)

    await _promote_all(account)

    assert await _published(account, "plain", "production") == "Two"
    with pytest.raises(Unprocessable, match="later commit"):
        await _promote_one(account, older.id)


async def test_the_published_version_is_the_last_to_arrive(account: Account) -> None:
    """Even when clocks disagree about the order, production ends with what development runs."""
    await account.save("plain", workflow("One"), commit=note())
    await account.save("plain", workflow("Two"), commit=note())
    newer, _older = await _list(account)
    # The machine that made the newer commit had a clock that was years behind.
    early = UUID("00000000-0000-7000-8000-000000000000")
    await account.rows("UPDATE commits SET id = %s WHERE id = %s", early, newer.id)

    await _promote_all(account)

    assert await _published(account, "plain", "production") == "Two"


async def test_two_that_trigger_each_other_are_promoted_one_by_one(account: Account) -> None:
    """The first may be followed by what it triggers; promoting all of what is broken is refused."""
    await account.save("plain", workflow("One", trigger_step("other")), commit=note())
    with pytest.raises(InvalidParams):
        await _promote_all(account)
    await account.save("other", workflow("Two", trigger_step("plain")), commit=note())

    by_key = {commit.resource_key: commit.id for commit in await _unpromoted(account)}
    for key in ("plain", "other"):
        await _promote_one(account, by_key[key])

    assert await _published(account, "plain", "production") == "One"
    assert await _published(account, "other", "production") == "Two"


async def test_a_workflow_is_not_promoted_without_its_layout(account: Account) -> None:
    """A promotion that would leave a reference open in the target is undone as a whole."""
    step = email_step()
    step["template"] = {**step["template"], "settings": {"layout_key": "default"}}
    await account.save("plain", workflow(steps=[step]), commit=note())
    production = await account.scope("production")
    await account.rows(
        "UPDATE content_resources SET archived_at = now()"
        " WHERE environment_id = %s AND resource_type = 'email_layout'",
        production.id,
    )

    with pytest.raises(InvalidParams, match="layout 'default'"):
        await _promote_all(account)

    assert await _published(account, "plain", "production") is None


@pytest.mark.parametrize(("to", "error"), [("development", InvalidParams), ("nowhere", NotFound)])
async def test_promotion_needs_an_environment_with_one_before_it(
    account: Account, to: str, error: type[Exception]
) -> None:
    """Nothing is promoted to the first environment, or to one that does not exist."""
    with pytest.raises(error):
        await _promote_all(account, to)


@pytest.mark.parametrize("commit_id", ["nonsense", "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"])
async def test_an_unknown_commit_is_missing(account: Account, commit_id: str) -> None:
    """An id that is none is as missing as one that nobody has."""
    with pytest.raises(NotFound):
        await commits.get_commit(account.engine, commit_id)


async def test_a_clock_that_goes_back_changes_no_order(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two commits the one that was made later comes later, whatever the ids of two machines."""
    ids = iter(UUID(int=number) for number in range(1_000, 0, -1))
    monkeypatch.setattr(publishing, "new_id", lambda: next(ids))
    for name in ("First", "Second", "Third"):
        await account.save("plain", workflow(name), commit=note(name))
    newest = next(one for one in await _list(account) if one.commit_message == "Third")
    changed = await changes.commit_changes(account.engine, str(newest.id))
    assert changed.before is not None
    assert (changed.before["name"], changed.after["name"]) == ("Second", "Third")
    second = next(one for one in await _list(account) if one.commit_message == "Second")
    await _promote_one(account, second.id)
    assert [one.commit_message for one in await _list(account, promoted=False)] == ["Third"]
    await _promote_all(account)
    assert await _published(account, "plain", "production") == "Third"
