"""What is wrong with a request is told in one answer, and what is refused has changed nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.steps import feed_step

_NOBODY = UUID(int=1)
_SLACK = f"/v1/providers/slack/{_NOBODY}/channels"
_TEAMS = f"/v1/providers/ms-teams/{_NOBODY}"
_LONG = "x" * 2000


@pytest.mark.parametrize(
    ("method", "url", "body", "fields"),
    [
        (
            "PUT",
            "/v1/tenants/acme?resolve_full_preference_settings=maybe",
            {"name": 5, "settings": {"branding": 5}},
            ["resolve_full_preference_settings", "name", "settings.branding"],
        ),
        (
            "POST",
            "/v1/audiences/beta/members?create_audience=maybe",
            {"members": [{"user": {"id": ""}}]},
            ["create_audience", "members[0].user.id"],
        ),
        (
            "GET",
            f"/v1/messages/{_NOBODY}/activities?trigger_data=x&after=junk&page_size=x",
            None,
            ["trigger_data", "page_size", "after"],
        ),
        (
            "GET",
            f"{_SLACK}?query_options[exclude_archived]=maybe&query_options[limit]=x",
            None,
            [
                "access_token_object",
                "query_options.exclude_archived",
                "query_options.limit",
            ],
        ),
        (
            "GET",
            f"{_SLACK}?access_token_object[id]=x",
            None,
            ["access_token_object.object_id", "access_token_object.collection"],
        ),
        (
            "GET",
            f"{_TEAMS}/teams?query_options[$top]={_LONG}&query_options[$filter]={_LONG}",
            None,
            ["ms_teams_tenant_object", "query_options.$filter", "query_options.$top"],
        ),
        (
            "GET",
            f"{_TEAMS}/channels?query_options[$select]={_LONG}",
            None,
            ["ms_teams_tenant_object", "team_id", "query_options.$select"],
        ),
        (
            "GET",
            f"/v1/users/ellie/guides/{_NOBODY}?tenant={_LONG}&data=[]&type={_LONG}",
            None,
            ["tenant", "data", "type"],
        ),
        (
            "GET",
            "/v1/messages?tenant=a%00&source=b%00&status[x]=1&status[]=2",
            None,
            ["tenant", "source", "status"],
        ),
    ],
)
async def test_all_faults_of_a_request(
    client: httpx.AsyncClient, method: str, url: str, body: object, fields: list[str]
) -> None:
    """Neither hides the other, and neither do two of the same."""
    response = await client.request(method, url, json=body)
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == fields


@pytest.mark.parametrize(
    ("method", "url", "body", "fields"),
    [
        ("GET", "/v1/workflows?limit=x&annotate=maybe", None, ["limit", "annotate"]),
        (
            "PUT",
            "/v1/workflows/new?commit=maybe&force=maybe&annotate=maybe",
            {},
            ["commit", "force", "workflow", "annotate"],
        ),
        (
            "PUT",
            "/v1/workflows/new/activate?annotate=maybe",
            {"status": 5},
            ["status", "annotate"],
        ),
        (
            "PUT",
            "/v1/guides/new/activate?from=soon&until=later&annotate=maybe",
            {"status": 5},
            ["status", "from", "until", "annotate"],
        ),
        ("POST", "/v1/goals/new/clone?annotate=maybe", {}, ["clone", "annotate"]),
        ("PUT", "/v1/broadcasts/new?annotate=maybe", {}, ["broadcast", "annotate"]),
        (
            "PUT",
            "/v1/broadcasts/new/send?annotate=maybe",
            {"send_at": "soon"},
            ["send_at", "annotate"],
        ),
        (
            "PUT",
            "/v1/translations/en?commit=maybe&format=xml&tenant[]=a",
            {},
            ["tenant", "commit", "format", "translation"],
        ),
        (
            "GET",
            "/v1/translations?limit=x&hide_uncommitted_changes=maybe&format=xml&tenant[x]=a",
            None,
            ["tenant", "limit", "hide_uncommitted_changes", "format"],
        ),
    ],
)
async def test_all_faults_of_a_request_to_the_management_api(
    management: httpx.AsyncClient, method: str, url: str, body: object, fields: list[str]
) -> None:
    """The same there."""
    response = await management.request(method, url, json=body)
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == fields


async def test_what_is_refused_was_not_done(management: httpx.AsyncClient) -> None:
    """How an answer is wanted is judged before anything is written, sent or switched."""

    async def ask(method: str, path: str, body: Any = None, query: str = "") -> Any:
        return await management.request(method, f"{path}{query}", json=body)

    sale = {"broadcast": {"name": "Sale", "steps": [feed_step()]}}
    workflow = {"workflow": {"name": "Welcome", "steps": [feed_step()]}}
    texts = {"translation": {"content": "{}", "format": "json"}}
    for path, body, query in (
        ("/v1/workflows/new", workflow, "?annotate=maybe"),
        ("/v1/broadcasts/sale", sale, "?annotate=maybe"),
        ("/v1/translations/de", texts, "?format=xml"),
    ):
        assert (await ask("PUT", path, body, query)).status_code == 422
        assert (await ask("GET", path)).status_code == 404

    assert (await ask("PUT", "/v1/broadcasts/sale", sale)).status_code == 200
    for action in ("send", "cancel"):
        refused = await ask("PUT", f"/v1/broadcasts/sale/{action}", query="?annotate=maybe")
        assert [error["field"] for error in refused.json()["errors"]] == ["annotate"]
    assert (await ask("GET", "/v1/broadcasts/sale")).json()["status"] == "draft"
