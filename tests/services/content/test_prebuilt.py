"""The message types that every environment has from the start."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.message_type import MESSAGE_TYPE, PREBUILT, PREBUILT_SHAS
from domain.content.rows import Selection
from domain.kit.authored import ChannelTypes
from domain.kit.json_types import JsonObject
from domain.what_if.requests import WhatIfIn
from services.content.archiving import archive
from services.content.branches import create_branch, on_branch
from services.content.commits import merge_branch
from services.content.drafts import upsert_content
from services.content.judging import judge_document
from services.content.prebuilt import keep_prebuilt
from services.what_if.trying import try_out
from tests.support.account import AUTHOR, T0, Account, note

_OWN: JsonObject = {
    "name": "Our banner",
    "preview": "",
    "variants": [{"key": "default", "name": "Default", "fields": []}],
}
_STORED = """
SELECT coalesce(e.slug, b.slug) AS place, r.key, r.published_sha, r.draft_sha, r.archived_at
FROM content_resources r JOIN branches b ON b.id = r.environment_id
LEFT JOIN environments e ON e.id = r.environment_id
WHERE r.resource_type = 'message_type' ORDER BY 1, 2
"""


async def _keep(account: Account) -> int:
    async with account.engine.database.transaction() as connection:
        return await keep_prebuilt(connection, T0)


async def _forget(account: Account) -> None:
    """Make the account one that was there before there were any."""
    async with account.engine.connection() as connection:
        await connection.execute("DELETE FROM content_resources WHERE resource_type='message_type'")


async def _stored(account: Account) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["place"], row["key"]): row for row in await account.rows(_STORED)}


@pytest.mark.parametrize("key", list(PREBUILT))
def test_they_are_what_may_be_saved(key: str) -> None:
    """Their fields and their previews are judged like those of anybody."""
    judged = judge_document(MESSAGE_TYPE, key, PREBUILT[key], ChannelTypes())
    assert (judged.errors, judged.content) == ([], PREBUILT[key])


async def test_an_account_that_is_there_gets_them(account: Account) -> None:
    """Each environment has them published, without a commit; done again nothing is made."""
    await _forget(account)
    assert (await _keep(account), await _keep(account)) == (2 * len(PREBUILT), 0)
    stored = await _stored(account)
    for slug in ("development", "production"):
        for key, sha in PREBUILT_SHAS.items():
            row = stored[slug, key]
            assert (row["published_sha"], row["draft_sha"]) == (sha, sha)
    query = "SELECT 1 FROM commits WHERE resource_type = 'message_type'"
    assert await account.rows(query) == []


async def test_what_is_somebodys_own_stays(account: Account) -> None:
    """Published, a mere draft or archived, it is left as it is."""
    await _forget(account)
    await account.save("banner", _OWN, kind=MESSAGE_TYPE, commit=note())
    await account.save("modal", _OWN, kind=MESSAGE_TYPE)
    await account.save("card", _OWN, kind=MESSAGE_TYPE, commit=note())
    await archive(account.engine, None, "message_type", "card")
    before = await _stored(account)
    await _keep(account)
    after = await _stored(account)
    assert {place: after[place] for place in before} == before
    assert {place for place in after if place not in before} == {
        ("production", key) for key in PREBUILT
    }


async def test_branches_have_them_too(account: Account) -> None:
    """What a branch has of its own under such a key is merged as it would have been before."""
    await _forget(account)
    scope = await account.scope()
    for slug in ("feature", "other"):
        await create_branch(account.engine, scope, slug)
    other = await on_branch(account.engine, scope, "other")
    await upsert_content(account.engine, other, MESSAGE_TYPE, "banner", _OWN, commit=note())
    await _keep(account)
    stored = await _stored(account)
    assert stored["feature", "banner"]["published_sha"] == PREBUILT_SHAS["banner"]
    own = stored["other", "banner"]["published_sha"]
    assert own != PREBUILT_SHAS["banner"]
    await merge_branch(account.engine, other, Selection(), AUTHOR)
    assert (await _stored(account))["development", "banner"]["published_sha"] == own


async def test_they_are_no_pending_content(account: Account) -> None:
    """Neither a commit nor a promotion would bring any of them."""
    await _forget(account)
    await _keep(account)
    for wanted in (WhatIfIn(), WhatIfIn(from_environment="development")):
        slug = "development" if wanted.from_environment is None else "production"
        found = await try_out(account.engine, await account.scope(slug), wanted)
        assert found.content == []
