"""`/docs`: a landing page, and for each face its OpenAPI document and a page made from it."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from fastapi import APIRouter
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.reference import pages
from api.reference.documents import build_document
from domain.kit.json_types import JsonObject

router = APIRouter(include_in_schema=False)

_ANSWERS = """

Lists are paged: send `after` or `before` with a cursor of `page_info`. Every answer carries
`x-request-id`, which names it in the logs. Errors have one shape: `code`, `message`, `status`,
`type`, and with `invalid_params` one entry of `errors` per violation. All that is wrong with a
request is told at once: first what can be seen from it alone, then what is stored otherwise.
"""


@lru_cache(maxsize=1)
def knock_document() -> JsonObject:
    """Return the OpenAPI document of the Knock API."""
    from api.knock.routers import ROUTERS  # late: the faces need the parts of this package first

    return build_document(
        "Knock API",
        "Trigger workflows, identify recipients, read messages and feeds. Compatible with "
        "Knock's API, so its SDKs work with this address as their base URL. Rate limits apply to "
        "each API process."
        " With a key of `development`, the header `X-Knock-Branch: <slug>` uses the content of a "
        "branch; people and messages are the same." + _ANSWERS,
        ROUTERS,
        credential="A secret key (or, where a browser may call, a public key) of one environment.",
        tags={
            "Workflows": "Trigger workflows for recipients, and cancel runs that have not ended.",
            "Users": "The people who are notified.",
            "Objects": "What else is notified, acts or is followed: projects, teams, topics.",
            "Audiences": "The members of audiences.",
            "Tenants": "On whose behalf people are notified: your customers, teams, workspaces.",
            "Messages": "What was sent, how its delivery went, and what recipients did with it.",
            "Schedules": "When workflows run for recipients, once or repeatedly.",
            "Guides": "What an application shows to a user, and what the user did with it.",
            "Feeds": "In-app messages as a browser shows them to a user.",
            "Bulk operations": "Operations on many resources, which continue after the answer.",
            "Providers": "Slack workspaces and Microsoft Teams tenants of your customers.",
            "Workflow recipient runs": "What a workflow did for each recipient of a trigger.",
            "Sources": "Where sources send their events, without an API key.",
        },
    )


@lru_cache(maxsize=1)
def management_document() -> JsonObject:
    """Return the OpenAPI document of the Management API and the admin API."""
    from api.admin.routers import ROUTERS as ADMIN
    from api.management.routers import ROUTERS

    return build_document(
        "Management API",
        "Define workflows and other content, commit and promote them, set up channels and keys. "
        "Operations tagged *Admin* are Carillon's own, for what Knock offers only in its dashboard."
        + _ANSWERS,
        (*ROUTERS, *ADMIN),
        credential="A service token of the account.",
        tags={
            "Workflows": "Drafts of workflows. A commit publishes them.",
            "Previews": "What content looks like for a recipient; nothing is stored or sent.",
            "Audiences": "Groups of users: static ones have members, dynamic ones conditions.",
            "Guides": "What an application shows to users. A commit publishes them.",
            "Goals": "Events that content should help to reach; published when saved.",
            "Broadcasts": "What is sent once to many, at one moment.",
            "E-mail layouts": "Frames around the bodies of e-mails. A commit publishes them.",
            "Message types": "The fields of in-app messages and guides.",
            "Partials": "Pieces of content that templates share. A commit publishes them.",
            "Reusable requests": "Requests that fetch steps of many workflows send. A commit "
            "publishes them.",
            "Translations": "Texts by language. A commit publishes them.",
            "Variables": "Values that templates read, account-wide or of one environment.",
            "Tags": "Tags that authors put on content.",
            "Preferences": "What recipients may choose, and the page where they do.",
            "Schemas": "The properties of recipients, and their descriptions.",
            "Branches": "States of development's content to work on without affecting anyone else. "
            "Create one with `POST /v1/branches/feature`; save and commit with `?branch=feature` "
            "(`PUT /v1/workflows/order-shipped?branch=feature&commit=true`); trigger with the "
            "header `X-Knock-Branch: feature` and a key of `development`; merge with `PUT "
            "/v1/commits/promote?to_environment=development&branch=feature`.",
            "Commits": "Publish drafts, and promote them to the next environment.",
            "Environments": "The chain along which content is promoted.",
            "Channels": "The channels that workflows send through.",
            "Channel groups": "Rules that choose among channels of one type.",
            "Sources": "Systems that send events, and the actions for those events.",
            "Account": "The owner of the token, and the members and files of the account.",
            "Admin: account": "Environments, members and pictures.",
            "Admin: channels": "Set channels up; changes take effect at once.",
            "Admin: content": "What would change, what has changed, reverting, archiving.",
            "Admin: files": "Members of audiences and recipients of broadcasts from CSV files.",
            "Admin: guides": "The order in which guides are shown.",
            "Admin: credentials": "API keys and service tokens.",
            "Admin: messages": "Deliveries that failed.",
            "Admin: model providers": "The model providers of AI agent steps.",
            "Admin: runs": "Waiting runs, cancels, explanations.",
            "Admin: what if": "Who would get what if content were published, tried on past runs.",
            "Admin: batches": "Open batches and their items.",
            "Admin: bulk operations": "Bulk operations that are not over, and what holds them up.",
            "Admin: webhooks": "Endpoints that receive events, and the log of each.",
            "Admin: preferences": "Defaults for recipients without preferences of their own.",
            "Admin: schedules": "Schedules that are to be paused, or did not occur.",
            "Admin: variables": "Variables and brands; changes take effect at once.",
            "Admin: schemas": "Removing descriptions of properties.",
            "Admin: sources": "Secrets and addresses of sources.",
        },
    )


@router.get("/")
async def root() -> RedirectResponse:
    """Lead a person who opens the address of the API to the documents."""
    return RedirectResponse("/docs")


@router.get("/docs")
async def landing() -> HTMLResponse:
    """Show which documents there are."""
    return _html(pages.render_landing())


@router.get("/docs/knock")
async def knock_reference() -> HTMLResponse:
    """Show the Knock API."""
    return _html(pages.render_reference("Knock API", "/docs/knock/openapi.json"))


@router.get("/docs/management")
async def management_reference() -> HTMLResponse:
    """Show the Management API."""
    return _html(pages.render_reference("Management API", "/docs/management/openapi.json"))


@router.get("/v1/openapi")
@router.get("/docs/knock/openapi.json")
async def knock_openapi() -> JSONResponse:
    """Return the OpenAPI document of the Knock API."""
    return JSONResponse(await asyncio.to_thread(knock_document))


@router.get("/docs/management/openapi.json")
async def management_openapi() -> JSONResponse:
    """Return the OpenAPI document of the Management API."""
    return JSONResponse(await asyncio.to_thread(management_document))


@router.get(pages.SCRIPT_PATH)
async def script() -> Response:
    """Return the script of the pages; every browser takes gzip."""
    return Response(
        await asyncio.to_thread(pages.read_script),
        media_type="text/javascript",
        headers={
            "content-encoding": "gzip",
            "cache-control": "public, max-age=31536000, immutable",
        },
    )


def _html(page: str) -> HTMLResponse:
    return HTMLResponse(page, headers={"content-security-policy": pages.POLICY})
