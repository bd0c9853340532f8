"""Environments and whoami over HTTP."""

from __future__ import annotations

import httpx

from runtime.settings import Settings


async def test_environments_come_in_the_order_of_promotion(management: httpx.AsyncClient) -> None:
    """A list and single environments, with the instant of the last commit."""
    listed = (await management.get("/v1/environments")).json()
    single = (await management.get("/v1/environments/production")).json()

    assert [entry["slug"] for entry in listed["entries"]] == ["development", "production"]
    assert [entry["order"] for entry in listed["entries"]] == [0, 1]
    assert listed["entries"][1] == single
    assert single["last_commit_at"] == "2026-03-01T12:00:00.000000Z"
    assert (await management.get("/v1/environments/nowhere")).status_code == 404


async def test_whoami_names_the_token(management: httpx.AsyncClient) -> None:
    """A service token is told its name, what there is, and for how long things are kept."""
    body = (await management.get("/v1/whoami")).json()

    assert (body["type"], body["service_token_name"]) == ("service_token", "Seed")
    features = body["account_features"]
    assert (features["translations_allowed"], features["tenant_preferences_allowed"]) == (
        True,
        True,
    )
    assert features["data_retention_days"] == Settings.model_fields["retention_days"].default
