"""Fills a fresh stack: environments, keys, one channel per type, a layout, sample workflows.

Seeding again changes nothing that is there, so what a user changed stays; only the mail server of
the seeded e-mail channel follows the settings.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from commands.seed.channels import seeded_channels
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
from domain.content.rows import Author, CommitNote
from domain.content.workflow import WORKFLOW
from domain.kit.authored import ResourceType
from domain.kit.clock import Clock, utc_now
from domain.kit.json_types import JsonObject
from domain.kit.principals import KeyKind
from runtime.user_token_keys import public_half
from services.account import seeding as account
from services.channels.sealing import list_unreadable
from services.channels.seeding import ensure_channels
from services.content.prebuilt import keep_prebuilt
from services.content.seeding import ensure_content, ensure_promoted
from services.engine import Engine, Unit
from templating.messages.default_layout import DEFAULT_LAYOUT_KEY, default_layout_document

_NOTE = CommitNote(Author("Carillon", "seed@carillon.invalid"), "Seed")


async def seed(engine: Engine, keys: SeedKeys, *, clock: Clock = utc_now) -> SeededStack:
    """Create what is missing, in one transaction, and say what there is.

    Args:
        engine: database, vault, and the settings that name the mail server.
        keys: the keys to store; the same ones at every start.
        clock: tells the time.
    """
    content = _content()
    places = [(ResourceType(kind.name), key) for kind, key, _ in content]
    async with replace(engine, clock=clock).unit() as unit:
        await account.take_turn(unit)
        environments = await account.ensure_environments(unit, SEEDED_ENVIRONMENTS)
        revoked = await _keys(unit, environments, keys)
        wanted = seeded_channels(engine.settings)
        channels = await ensure_channels(engine, unit, wanted, environments)
        scopes = [environment.scope for environment in environments]
        for kind, key, document in content:
            await ensure_content(unit, scopes[0], kind, key, document, note=_NOTE)
        for before, after in itertools.pairwise(scopes):
            await ensure_promoted(unit, before, after, places, note=_NOTE)
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
    works = {SERVICE_TOKEN: await account.ensure_service_token(unit, keys.service_token)}
    for environment in environments:
        pair, scope = keys.environments[environment.slug], environment.scope
        for kind, token in (
            (KeyKind.SECRET, pair.secret_key),
            (KeyKind.PUBLIC, pair.public_key),
        ):
            name = key_name(environment.slug, kind)
            works[name] = await account.ensure_api_key(unit, scope, kind, token)
    for environment in environments:
        public_key = public_half(keys.environments[environment.slug].signing_key)
        works[key_name(environment.slug, "signing")] = await account.ensure_signing_key(
            unit, environment.scope, public_key
        )
    return [name for name, does_work in works.items() if not does_work]


def _content() -> list[tuple[KindOfContent[Any], str, JsonObject]]:
    return [
        (EMAIL_LAYOUT, DEFAULT_LAYOUT_KEY, default_layout_document()),
        *((WORKFLOW, key, workflow) for key, workflow in SAMPLE_WORKFLOWS.items()),
    ]
