"""The texts of `t` tags are collected at commits, to be translated."""

from __future__ import annotations

import json
from typing import Any

from domain.content.gettext import read_po
from domain.content.rows import CommitFilters, Selection
from domain.content.translation import TRANSLATION
from domain.content.workflow import WORKFLOW
from domain.kit.authored import ResourceType
from domain.kit.json_types import JsonObject
from domain.kit.pages import PageRequest
from services.content import commits
from services.content.branches import create_branch, on_branch, rebase_branch
from services.content.drafts import upsert_content
from tests.support.account import AUTHOR, Account, note
from tests.support.steps import channel_step, workflow

KEY = "en/system"


async def save(account: Account, text: str, *, key: str = "plain", **given: Any) -> None:
    """Save a workflow whose feed item says a text."""
    step = channel_step("feed", template={"markdown_body": text})
    await account.save(key, workflow("Plain", step), **given)


async def texts(account: Account, column: str = "v.content") -> JsonObject:
    """Return the texts that were collected, as they are published or as they are saved."""
    rows = await account.rows(
        f"SELECT {column} AS content FROM content_resources r"
        " LEFT JOIN content_versions v ON v.id = r.published_version_id"
        " WHERE r.resource_type = 'translation' AND r.key = %s",
        KEY,
    )
    found: JsonObject = json.loads(rows[0]["content"]["content"]) if rows else {}
    return found


async def messages(account: Account) -> list[str | None]:
    """Return what the commits of the collected texts say."""
    page = await commits.list_commits(
        account.engine,
        await account.scope(),
        CommitFilters([ResourceType.TRANSLATION], KEY),
        PageRequest(100),
    )
    assert {row.author_name for row in page.rows} <= {"Translations"}
    return [row.commit_message for row in page.rows]


async def test_a_commit_collects(account: Account) -> None:
    """Each text once, without the blanks around it; a draft collects nothing."""
    source = (
        "{% t %} Hello {{ recipient.name }} {% endt %}{% if a %}{% t %}Bye{% endt %}{% endif %}"
    )
    await save(account, source)
    assert await texts(account) == {}
    await save(account, source, commit=note())
    assert await texts(account) == {
        "Hello {{ recipient.name }}": "Hello {{ recipient.name }}",
        "Bye": "Bye",
    }
    assert await messages(account) == ["Texts of plain"]


async def test_texts_are_only_added(account: Account) -> None:
    """What a text was made to say stays, and what is there already makes no commit."""
    await save(account, "{% t %}Hello{% endt %}", commit=note())
    changed = {"content": '{"Hello": "Hi!"}', "format": "json"}
    await account.save(KEY, changed, kind=TRANSLATION, commit=note())
    await save(account, "{% t %}Hello{% endt %} again", commit=note())
    assert await texts(account) == {"Hello": "Hi!"}
    await save(account, "{% t %}More{% endt %}", key="other", commit=note())
    assert await texts(account) == {"Hello": "Hi!", "More": "More"}


async def test_what_somebody_edits_is_not_published_by_it(account: Account) -> None:
    """The draft gets the new texts too, and stays a draft."""
    await save(account, "{% t %}Hello{% endt %}", commit=note())
    edited = {"content": '{"Hello": "Hi!"}', "format": "json"}
    await account.save(KEY, edited, kind=TRANSLATION)
    await save(account, "{% t %}More{% endt %}", commit=note())
    assert await texts(account) == {"Hello": "Hello", "More": "More"}
    assert await texts(account, "r.draft") == {"Hello": "Hi!", "More": "More"}


async def test_a_po_file_stays_one(account: Account) -> None:
    """New texts are added in the format in which the translation is published, and is edited."""
    await save(account, "{% t %}Hello{% endt %}", commit=note())
    po = 'msgid "{}"\nmsgstr "{}"\n'
    await account.save(
        KEY, {"content": po.format("Hello", "Hi!"), "format": "po"}, kind=TRANSLATION, commit=note()
    )
    edited = {"content": po.format("Hello", "Hey"), "format": "po"}
    await account.save(KEY, edited, kind=TRANSLATION)
    await save(account, "{% t %}More{% endt %}", commit=note())
    (row,) = await account.rows(
        "SELECT v.content AS published, r.draft FROM content_resources r"
        " JOIN content_versions v ON v.id = r.published_version_id WHERE r.key = %s",
        KEY,
    )
    for content, hello in ((row["published"], "Hi!"), (row["draft"], "Hey")):
        assert content["format"] == "po"
        assert read_po(content["content"]) == {"Hello": hello, "More": "More"}


async def test_committing_all_collects_once(account: Account) -> None:
    """One commit has the texts of all workflows that were committed together."""
    await save(account, "{% t %}One{% endt %}", key="flow-a")
    await save(account, "{% t %}Two{% endt %}", key="flow-b")
    await commits.commit_all(account.engine, await account.scope(), Selection(), note())
    assert await texts(account) == {"One": "One", "Two": "Two"}
    assert await messages(account) == ["Texts of flow-a, flow-b"]


async def test_texts_of_branches_are_collected_by_the_merge(account: Account) -> None:
    """Two branches whose workflows have texts merge one after the other, without a conflict."""
    main = await account.scope()
    branches = []
    for slug in ("first", "second"):
        await create_branch(account.engine, main, slug)
        branches.append(await on_branch(account.engine, main, slug))
    for scope in branches:
        template = {"markdown_body": f"{{% t %}}Of {scope.branch}{{% endt %}}"}
        document = workflow("Plain", channel_step("feed", template=template))
        await upsert_content(
            account.engine, scope, WORKFLOW, f"of-{scope.branch}", document, commit=note()
        )
    assert await texts(account) == {}
    for scope in branches:
        await commits.merge_branch(account.engine, scope, Selection(), AUTHOR)
    assert await texts(account) == {"Of first": "Of first", "Of second": "Of second"}
    assert await messages(account) == ["Texts of of-second", "Texts of of-first"]
    # A rebase brings them to the branch.
    await rebase_branch(account.engine, main, "first")
    assert len(await account.rows("SELECT 1 FROM content_resources WHERE key = %s", KEY)) == 2


async def test_collected_texts_are_translated(account: Account) -> None:
    """The tag renders what is in the namespace; a text without a namespace goes first."""
    await save(account, "{% t %} Hello {% endt %}{% t %}Bye{% endt %}", commit=note())
    spanish = {"content": '{"Hello": "Hola", "Bye": "no"}', "format": "json"}
    await account.save("es/system", spanish, kind=TRANSLATION, commit=note())
    own = {"content": '{"Bye": "Adios"}', "format": "json"}
    await account.save("es", own, kind=TRANSLATION, commit=note())
    world = await account.world()
    run_id = await world.begin("plain", {"id": "rosa", "locale": "es-MX"})
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    assert message["content"]["blocks"][0]["rendered"] == "<p>HolaAdios</p>\n"


async def test_collecting_changes_no_message(account: Account) -> None:
    """A text inside a loop, collected and not translated yet, says what it said before."""
    loop = "{% for n in data.names %}{% t %}{{ n }} commented{% endt %}. {% endfor %}"
    await save(account, loop, commit=note())
    assert await texts(account) == {"{{ n }} commented": "{{ n }} commented"}
    world = await account.world()
    run_id = await world.begin("plain", data={"names": ["Ada", "Bob"]})
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    shown = message["content"]["blocks"][0]["rendered"]
    assert shown == "<p>Ada commented. Bob commented.</p>\n"


async def test_an_archived_collection_stays_so(account: Account) -> None:
    """Whoever has archived it can commit workflows as before."""
    await save(account, "{% t %}Hello{% endt %}", commit=note())
    await account.rows("UPDATE content_resources SET archived_at = now() WHERE key = %s"
                       " RETURNING 1", KEY)  # fmt: skip
    versions = "SELECT count(*) AS n FROM content_versions WHERE key = %s"
    before = await account.rows(versions, KEY)
    await save(account, "{% t %}More{% endt %}", commit=note())
    assert await texts(account) == {"Hello": "Hello"}
    assert await account.rows(versions, KEY) == before
