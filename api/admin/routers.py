"""The routers of the admin API."""

from __future__ import annotations

from fastapi import APIRouter

from api.admin import (
    account,
    batches,
    bulk,
    channels,
    content,
    environments,
    files,
    guides,
    item_schemas,
    keys,
    messages,
    model_providers,
    preferences,
    runs,
    schedules,
    security,
    sources,
    triggers,
    variables,
    webhooks,
    what_if,
)

ROUTERS: tuple[APIRouter, ...] = (
    account.router,
    batches.router,
    bulk.router,
    channels.router,
    content.router,
    environments.router,
    files.router,
    guides.router,
    item_schemas.router,
    keys.router,
    messages.router,
    model_providers.router,
    preferences.router,
    runs.router,
    schedules.router,
    security.router,
    sources.router,
    triggers.router,
    variables.router,
    webhooks.router,
    what_if.router,
)
