"""Fills a fresh stack: environments, keys, one channel per type, a layout, sample workflows.

Seeding again changes nothing that is there, so what a user changed stays; only the mail server of
the seeded e-mail channel follows the settings.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from commands.seed.channels import seed_channels
from commands.seed.keys import (
    SEEDED_ENVIRONMENTS,
    SERVICE_TOKEN,
    SeededChannel,
    SeededStack,
    SeedKeys,
    key_name,
)
from commands.seed.sample_workflows import SAMPLE_WORKFLOWS
from domain.account.environments import Environment
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.kind import KindOfContent
from domain.content.rows import Author, CommitNote, Selection
from domain.content.workflow import WORKFLOW
from domain.kit.clock import Clock, utc_now
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope, KeyKind
from models.queries.account import environments as environment_queries
from models.queries.account.credentials import find_credential
from models.queries.account.signing_keys import is_signing_key
from models.queries.content import commits as commit_queries
from models.queries.content import drafts as content_queries
from runtime.crypto import hash_token, public_half
from services.account.api_keys import keep_api_key, keep_service_token
from services.account.environments import find_environment
from services.account.security import keep_signing_key
from services.channels.sealing import list_unreadable
from services.content.drafts import save_content
from services.content.prebuilt import keep_prebuilt
from services.content.publishing import publish_copy
from services.engine import Engine, Unit
from templating.messages.default_layout import DEFAULT_LAYOUT_KEY, default_layout

_AUTHOR = Author("Carillon", "seed@carillon.invalid")
_NOTE = CommitNote(_AUTHOR, "Seed")
# Two processes that seed one database take turns.
_LOCK = 0x5EED


async def seed(engine: Engine, keys: SeedKeys, *, clock: Clock = utc_now) -> SeededStack:
    """Create what is missing, in one transaction, and say what there is.

    Args:
        engine: database, vault, and the settings that name the mail server.
        keys: the keys to store; the same ones at every start.
        clock: tells the time.
    """
    async with replace(engine, clock=clock).unit() as unit:
        await unit.connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for position, slug in enumerate(SEEDED_ENVIRONMENTS):
            await environment_queries.insert_environment(
                unit.connection,
                environment_id=new_id(),
                slug=slug,
                name=slug.capitalize(),
                position=position,
                now=unit.now,
            )
        environments = [
            await find_environment(unit.connection, slug) for slug in SEEDED_ENVIRONMENTS
        ]
        revoked = await _keys(unit, environments, keys)
        channels = await seed_channels(unit.connection, engine, environments, unit.now)
        scopes = [environment.scope for environment in environments]
        await _content(unit, scopes[0])
        for before, after in itertools.pairwise(scopes):
            await _promote(unit, before, after)
        await keep_prebuilt(unit.connection, unit.now)
        unreadable = await list_unreadable(unit.connection, engine.vault)
    return SeededStack(
        {each.channel_type: SeededChannel(each.key, str(each.id)) for each in channels},
        revoked,
        unreadable,
    )


async def _keys(unit: Unit, environments: list[Environment], keys: SeedKeys) -> list[str]:
    """Store the keys, and return the names of those that were stored before and have ended since.

    What somebody revoked is left as it is: seeding again opens no door that was closed.
    """
    await keep_service_token(unit, name="Seed", token=keys.service_token)
    tokens = {SERVICE_TOKEN: keys.service_token}
    for environment in environments:
        pair = keys.environments[environment.slug]
        for kind, token in (
            (KeyKind.SECRET, pair.secret_key),
            (KeyKind.PUBLIC, pair.public_key),
        ):
            await keep_api_key(unit, environment.scope, kind=kind, name="Seed", token=token)
            tokens[key_name(environment.slug, kind)] = token
    revoked = [
        name
        for name, token in tokens.items()
        if await find_credential(unit.connection, hash_token(token)) is None
    ]
    for environment in environments:
        public_key = public_half(keys.environments[environment.slug].signing_key)
        await keep_signing_key(unit, environment.scope, name="Seed", public_key=public_key)
        if not await is_signing_key(unit.connection, environment.id, public_key):
            revoked.append(key_name(environment.slug, "signing"))
    return revoked


async def _content(unit: Unit, environment: EnvironmentScope) -> None:
    layout = default_layout()
    document: JsonObject = {
        "name": "Default",
        "html_layout": layout.html_layout,
        "text_layout": layout.text_layout,
    }
    seeded: list[tuple[KindOfContent[Any], str, JsonObject]] = [
        (EMAIL_LAYOUT, DEFAULT_LAYOUT_KEY, document),
        *((WORKFLOW, key, workflow) for key, workflow in SAMPLE_WORKFLOWS.items()),
    ]
    for kind, key, raw in seeded:
        if not await content_queries.get_published(unit.connection, environment.id, kind.name, key):
            await save_content(unit, environment, kind, key, raw, commit=_NOTE)


async def _promote(unit: Unit, source: EnvironmentScope, target: EnvironmentScope) -> None:
    """Copy what the seed committed and the target does not have; what users committed waits."""
    keys = ((WORKFLOW.name, key) for key in SAMPLE_WORKFLOWS)
    for resource_type, key in ((EMAIL_LAYOUT.name, DEFAULT_LAYOUT_KEY), *keys):
        if await content_queries.get_published(unit.connection, target.id, resource_type, key):
            continue
        commits = await commit_queries.list_promotable(
            unit.connection, source.id, Selection([resource_type], key)
        )
        for commit in commits:
            if commit.author_email == _AUTHOR.email:
                await publish_copy(unit, target, commit, _AUTHOR)
