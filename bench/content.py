"""Content: an e-mail of blocks is rendered, many workflows are published, a draft is tried."""

from __future__ import annotations

import statistics
import time
from typing import Any

import httpx

from bench.report import Result, judged
from bench.session import Session, management_client
from bench.throughput import product_rate
from domain.channels.types import ChannelType
from domain.content.email_layout import EmailLayout
from domain.kit.json_types import JsonObject
from templating.messages.render import render_content
from tests.support.steps import channel_step

_RENDERINGS = 50
_WORKFLOWS = 500
_RUNS = 1_000
_FIRST = {"environment": "development"}
_LAYOUT = EmailLayout(
    html_layout="<!doctype html><html><head><title>{{ vars.app_name }}</title><style>p { margin: 0"
    " }</style></head><body><table><tr><td>{{ content }}</td></tr></table></body></html>",
    text_layout="{{ content }}\n\n{{ vars.app_name }}",
)
_SCOPE: JsonObject = {
    "recipient": {"id": "ada", "name": "Ada", "email": "ada@example.com"},
    "tenant": None,
    "data": {"items": [{"name": f"Item {number}", "price": number} for number in range(10)]},
    "vars": {"app_name": "Bench", "branding": {"primary_color": "#224466"}},
}
_BLOCKS: list[JsonObject] = [
    {
        "type": "markdown",
        "content": "# Hello {{ recipient.name }}\n\nYour **order** is on its way.",
    },
    {"type": "image", "url": "https://example.com/header.png", "alt": "A parcel"},
    {"type": "markdown", "content": "It has these [items](https://example.com):\n\n- one\n- two"},
    {"type": "divider"},
    {
        "type": "html",
        "content": "<table>{% for item in data.items %}<tr><td>{{ item.name }}</td>"
        "<td>{{ item.price }}</td></tr>{% endfor %}</table>",
    },
    {"type": "markdown", "content": "You paid *{{ data.items | size }}* times."},
    {
        "type": "button_set",
        "buttons": [
            {"label": "Track it", "action": "https://example.com/track", "variant": "solid"},
            {"label": "Help", "action": "https://example.com/help", "variant": "outline"},
        ],
    },
    {"type": "divider"},
    {"type": "markdown", "content": "Yours, {{ vars.app_name }}."},
    {"type": "html", "content": "<p>{{ 'now' | date: '%Y' }}</p>"},
]


async def measure_rendering(_session: Session) -> list[Result]:
    """CPU of an e-mail of ten blocks in a layout, from its template to what is sent."""
    template = {"subject": "Order", "visual_blocks": _BLOCKS, "settings": {"layout_key": "own"}}
    spent: list[float] = []
    for _ in range(_RENDERINGS + 1):
        begun = time.process_time()
        render_content(
            ChannelType.EMAIL,
            template,
            _SCOPE,
            settings={"from_address": "app@example.com"},
            layout=_LAYOUT,
        )
        spent.append(1_000 * (time.process_time() - begun))
    # The first one compiles the templates.
    median = statistics.median(spent[1:])
    return [judged("CPU of an e-mail of ten blocks in a layout", median, "ms", at_most=10)]


async def measure_publishing(session: Session) -> list[Result]:
    """Commit five hundred drafts, and promote the commits."""
    async with management_client(session.stack) as client:
        for number in range(_WORKFLOWS):
            await _save(client, f"bench-many-{number}", "Hello")
        session.meter.lap()
        begun = time.perf_counter()
        await _put(client, "/v1/commits", **_FIRST)
        committed = time.perf_counter()
        await _put(client, "/v1/commits/promote", to_environment="production")
        promoted = time.perf_counter()
        used = session.meter.lap().seconds
    of = f"{_WORKFLOWS} workflows"
    return [
        Result(f"commit of {of}", committed - begun, "s"),
        Result(f"promotion of {of}", promoted - committed, "s"),
        judged(f"commit and promotion of {of}", promoted - begun, "s", at_most=5),
        # In turns, so that together they are what it takes on a machine that does nothing else.
        Result(f"CPU of api and postgres for both of {of}", used["api"] + used["postgres"], "s"),
    ]


async def measure_what_if(session: Session) -> list[Result]:
    """Try a changed message on a thousand runs, each of which is walked twice."""
    async with management_client(session.stack) as client:
        await _save(client, "bench-tried", "Hello **{{ recipient.name }}**", commit="true")
        await product_rate(session, "bench-tried", _RUNS)
        await _save(client, "bench-tried", "Bye **{{ recipient.name }}**")
        wanted = {"workflow": "bench-tried", "runs": _RUNS, "seconds": 60}
        session.meter.lap()
        answer = await client.post("/v1/admin/what_if", json=wanted, params=_FIRST)
        cost = session.meter.lap().per(_RUNS)
    answer.raise_for_status()
    found: Any = answer.json()
    if found["messages"]["changed"] != _RUNS:
        raise RuntimeError(f"the try has not walked every run: {found['runs']}")
    return [
        judged(f"what-if over {_RUNS:,} runs", found["seconds"], "s", at_most=10),
        Result("CPU of api per run tried", cost["api"], "ms"),
    ]


async def _save(client: httpx.AsyncClient, key: str, text: str, **query: str) -> None:
    step = channel_step("feed", template={"markdown_body": text})
    body = {"workflow": {"name": key, "steps": [step]}}
    await _put(client, f"/v1/workflows/{key}", body, **_FIRST, **query)


async def _put(client: httpx.AsyncClient, path: str, body: Any = None, **query: str) -> None:
    answer = await client.put(path, json=body or {}, params=query)
    answer.raise_for_status()
