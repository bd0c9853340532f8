"""The Knock API, one module per resource."""

from __future__ import annotations

from fastapi import APIRouter

from api.knock.in_app import feeds
from api.knock.messages import messages
from api.knock.messages import statuses as message_statuses
from api.knock.recipients import tenants, users
from api.knock.runs import recipient_runs
from api.knock.triggers import workflows

# Literal segments before parameters: `batch` is no message id.
ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    message_statuses.router,
    messages.router,
    messages.of_users,
    feeds.router,
    users.router,
    tenants.router,
    recipient_runs.router,
)
