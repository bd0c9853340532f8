"""The Management API, one module per resource; all take a service token."""

from __future__ import annotations

from fastapi import APIRouter

from api.management.account import environments, whoami
from api.management.broadcasts import broadcasts
from api.management.channels import channels
from api.management.content import audiences, commits, email_layouts, guides, workflows

ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    email_layouts.router,
    broadcasts.router,
    guides.router,
    audiences.router,
    commits.router,
    environments.router,
    channels.router,
    whoami.router,
)
