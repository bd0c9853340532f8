"""The Management API and our admin API, one module per resource; all take a service token."""

from __future__ import annotations

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
