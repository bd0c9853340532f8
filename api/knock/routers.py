"""The routers of the Knock API.

Apart from the package, whose shapes are imported without a single route.
"""

from __future__ import annotations

from fastapi import APIRouter

from api.knock.audiences import destinations
from api.knock.audiences import members as audience_members
from api.knock.bulk import messages as bulk_messages
from api.knock.bulk import operations as bulk_operations
from api.knock.bulk import preferences as bulk_preferences
from api.knock.bulk import recipients as bulk_recipients
from api.knock.bulk import schedules as bulk_schedules
from api.knock.bulk import subscriptions as bulk_subscriptions
from api.knock.channels import callbacks, connecting, workspaces
from api.knock.guides import guides
from api.knock.in_app import feeds
from api.knock.messages import messages, recipient_messages, tracked
from api.knock.messages import statuses as message_statuses
from api.knock.preferences import center as preference_center
from api.knock.preferences import hosted as hosted_preferences
from api.knock.preferences import sections as preference_sections
from api.knock.preferences import sets as preference_sets
from api.knock.preferences import unsubscribing
from api.knock.realtime import socket
from api.knock.recipients import channel_data, objects, subscriptions, tenants, users
from api.knock.runs import recipient_runs
from api.knock.schedules import recipient_schedules, schedules
from api.knock.sources import receive
from api.knock.triggers import workflows

# Literal segments before parameters: `batch` is not a message id.
ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    bulk_recipients.router,
    bulk_subscriptions.router,
    bulk_preferences.router,
    bulk_schedules.router,
    bulk_messages.router,
    bulk_operations.router,
    message_statuses.router,
    messages.router,
    feeds.router,
    guides.router,
    socket.router,
    users.router,
    recipient_messages.router,
    preference_sets.router,
    preference_sections.router,
    preference_center.router,
    hosted_preferences.router,
    unsubscribing.router,
    tracked.router,
    objects.router,
    subscriptions.router,
    channel_data.router,
    workspaces.router,
    connecting.router,
    tenants.router,
    destinations.router,
    audience_members.router,
    recipient_runs.router,
    schedules.router,
    recipient_schedules.router,
    receive.router,
    callbacks.router,
)
