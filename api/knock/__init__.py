"""The Knock API, one module per resource."""

from __future__ import annotations

from fastapi import APIRouter

from api.knock.in_app import feeds
from api.knock.messages import messages, recipient_messages
from api.knock.messages import statuses as message_statuses
from api.knock.recipients import objects, subscriptions, tenants, users
from api.knock.runs import recipient_runs
from api.knock.sources import receive
from api.knock.triggers import workflows

# Literal segments before parameters: `batch` is not a message id.
ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    message_statuses.router,
    messages.router,
    feeds.router,
    users.router,
    recipient_messages.router,
    objects.router,
    subscriptions.router,
    tenants.router,
    recipient_runs.router,
    receive.router,
)
