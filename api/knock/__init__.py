"""The Knock API, one module per resource."""

from __future__ import annotations

from fastapi import APIRouter

from api.knock import (
    feeds,
    message_statuses,
    messages,
    recipient_runs,
    tenants,
    users,
    workflows,
)

# Literal segments before parameters: `batch` is no message id.
ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    message_statuses.router,
    messages.router,
    feeds.router,
    users.router,
    tenants.router,
    recipient_runs.router,
)
