"""Our own API for what Knock offers only in its dashboard; all routes take a service token."""

from __future__ import annotations

from fastapi import APIRouter

from api.admin import channels, guides, keys, messages, preferences, schedules

ROUTERS: tuple[APIRouter, ...] = (
    channels.router,
    guides.router,
    keys.router,
    messages.router,
    preferences.router,
    schedules.router,
)
