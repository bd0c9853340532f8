"""The routers of the Management API."""

from __future__ import annotations

from fastapi import APIRouter

from api.management.account import api_keys, assets, environments, members, whoami
from api.management.broadcasts import broadcasts
from api.management.channels import channels, groups
from api.management.content import (
    audiences,
    branches,
    commits,
    email_layouts,
    goals,
    guides,
    message_types,
    partials,
    reusable_requests,
    tags,
    translations,
    variables,
    workflows,
)
from api.management.preferences import categories, center
from api.management.previews import previews
from api.management.recipients import schemas
from api.management.sources import providers, sources

ROUTERS: tuple[APIRouter, ...] = (
    previews.router,
    workflows.router,
    email_layouts.router,
    broadcasts.router,
    guides.router,
    goals.router,
    partials.router,
    reusable_requests.router,
    message_types.router,
    translations.router,
    audiences.router,
    branches.router,
    commits.router,
    variables.router,
    tags.router,
    categories.router,
    center.router,
    environments.router,
    channels.router,
    groups.router,
    schemas.router,
    sources.router,
    providers.router,
    whoami.router,
    members.router,
    api_keys.router,
    assets.router,
)
