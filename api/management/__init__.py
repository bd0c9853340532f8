"""The Management API and our admin API, one module per resource; all take a service token."""

from __future__ import annotations

from fastapi import APIRouter

from api.management import (
    admin_channels,
    admin_keys,
    admin_messages,
    channels,
    commits,
    environments,
    whoami,
    workflows,
)

ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    commits.router,
    environments.router,
    channels.router,
    whoami.router,
    admin_channels.router,
    admin_keys.router,
    admin_messages.router,
)
