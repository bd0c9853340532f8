"""Channel groups over HTTP."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.support.steps import channel_step, workflow


@pytest.fixture
def key() -> str:
    """Name a group that no other test has."""
    return f"group-{uuid4().hex[:8]}"


async def put(management: httpx.AsyncClient, key: str, **members: object) -> httpx.Response:
    """Upsert a group of the seeded e-mail channel."""
    group = {"name": "Mails", "channel_type": "email", **members}
    return await management.put(f"/v1/channel_groups/{key}", json={"channel_group": group})


async def test_a_group_is_made_read_listed_and_deleted(
    management: httpx.AsyncClient, key: str
) -> None:
    """What is left out has its default; the channels of the rules are shown."""
    rule = {"channel_key": "smtp", "rule_type": "always"}
    made = (await put(management, key, channel_rules=[rule])).json()["channel_group"]
    assert (made["operator"], made["source"]) == ("any", "user")
    assert made["visible_in"] == ["workflow", "broadcast"]
    (shown,) = made["channel_rules"]
    assert (shown["index"], shown["channel"]["key"]) == (0, "smtp")

    single = (await management.get(f"/v1/channel_groups/{key}")).json()
    listed = (await management.get("/v1/channel_groups?limit=100")).json()["entries"]
    assert single == made
    assert made in listed

    assert (await management.delete(f"/v1/channel_groups/{key}")).status_code == 204
    assert (await management.get(f"/v1/channel_groups/{key}")).status_code == 404
    assert (await management.delete(f"/v1/channel_groups/{key}")).status_code == 404


async def test_what_is_left_out_stays(management: httpx.AsyncClient, key: str) -> None:
    """A second upsert changes what it names; a rule that stays keeps the time it was made."""
    rules = [
        {"channel_key": "smtp", "rule_type": "if", "variable": "data.a", "operator": "exists"},
        {"channel_key": "smtp", "rule_type": "always"},
    ]
    first = (await put(management, key, operator="all", channel_rules=rules)).json()
    renamed = (await put(management, key, name="Other")).json()["channel_group"]
    assert (renamed["name"], renamed["operator"]) == ("Other", "all")
    assert renamed["channel_rules"] == first["channel_group"]["channel_rules"]
    rules[1] = {**rules[0], "rule_type": "unless"}
    changed = (await put(management, key, channel_rules=rules)).json()["channel_group"]
    before, after = renamed["channel_rules"], changed["channel_rules"]
    assert after[0] == before[0]
    assert after[1]["updated_at"] > before[1]["updated_at"]
    assert after[1]["created_at"] == before[1]["created_at"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        (
            {"channel_rules": [{"channel_key": "nowhere", "rule_type": "always"}]},
            "channel_rules[0].channel_key",
        ),
        (
            {"channel_rules": [{"channel_key": "in-app", "rule_type": "always"}]},
            "channel_rules[0].channel_key",
        ),
        (
            {"channel_rules": [{"channel_key": "smtp", "rule_type": "if"}]},
            "channel_rules[0].variable",
        ),
        ({"channel_rules": [{"channel_key": "smtp"}]}, "channel_rules[0].rule_type"),
        ({"channel_type": "fax"}, "channel_type"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_is_wrong_is_refused_at_its_place(
    management: httpx.AsyncClient, key: str, members: dict[str, object], field: str
) -> None:
    """Channels that are not there or of another type, rules that say nothing, a missing name."""
    answer = await put(management, key, **members)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"channel_group.{field}"


async def test_the_type_of_a_group_stays(management: httpx.AsyncClient, key: str) -> None:
    """A group of e-mail channels cannot become one of others."""
    await put(management, key)
    answer = await put(management, key, channel_type="sms")
    assert answer.json()["errors"][0]["field"] == "channel_group.channel_type"


async def test_a_step_may_name_a_group(management: httpx.AsyncClient, key: str) -> None:
    """The type comes from the group; an unknown group, or both keys, are told."""
    await put(management, key)
    step = channel_step("mail", "email", channel_group_key=key)
    del step["channel_type"], step["channel_key"]

    async def save(**changes: object) -> httpx.Response:
        body = {"workflow": workflow("x", {**step, **changes})}
        return await management.put(f"/v1/workflows/{key}?environment=development", json=body)

    (saved,) = (await save()).json()["workflow"]["steps"]
    assert (saved["channel_type"], saved["channel_group_key"]) == ("email", key)
    assert (await save()).json()["workflow"]["valid"]
    both = (await save(channel_key="smtp")).json()
    assert both["errors"][0]["field"] == "steps[0].channel_key"
    unknown = (await save(channel_group_key="nowhere")).json()
    assert unknown["errors"][0]["field"] == "steps[0].channel_group_key"
    later = (await save(channel_group_key="nowhere", channel_type="email")).json()
    assert not later["workflow"]["valid"]


@pytest.mark.parametrize(("called", "named"), [("in_app", "in_app_feed"), ("webhook", "http")])
async def test_other_names_of_types(
    management: httpx.AsyncClient, key: str, called: str, named: str
) -> None:
    """Knock's API has two names for some of them; groups are stored under the one."""
    made = await put(management, key, channel_type=called)

    assert made.status_code == 200, made.text
    assert made.json()["channel_group"]["channel_type"] == named
