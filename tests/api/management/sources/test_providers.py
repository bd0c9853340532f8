"""Source providers over HTTP, and sources that begin with one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.sources.providers import PROVIDERS

PATH = "/v1/source_providers"
EVERYTHING = (
    "?include[]=branding&include[]=default_action_mappings&include[]=example_payloads"
    "&include[]=preprocessing_script&include[]=static_fields"
)


async def begin(management: httpx.AsyncClient, provider: str, **members: Any) -> dict[str, Any]:
    """Make a source of a provider; answers it."""
    source = {"name": "Theirs", "preconfigured_provider": provider, **members}
    made = await management.put(f"/v1/sources/{provider}", json={"source": source})
    assert made.status_code == 200
    found: dict[str, Any] = made.json()["source"]
    return found


async def test_providers_are_listed_by_key_and_read(management: httpx.AsyncClient) -> None:
    """One by itself has its settings; the rest only when it is asked for."""
    listed = (await management.get(PATH)).json()["entries"]
    keys = [one["key"] for one in listed]
    assert keys == sorted(PROVIDERS)
    assert {"stripe", "clerk", "workos"} <= set(keys)
    for key in keys:
        plain = (await management.get(f"{PATH}/{key}")).json()
        assert set(plain) == {"key", "version", "provider", "default_settings"}
        full = (await management.get(f"{PATH}/{key}{EVERYTHING}")).json()
        assert {name: full[name] for name in plain} == plain
        assert set(full) - set(plain) == {
            "default_action_mappings",
            "example_payloads",
            "static_fields",
        }
    assert (await management.get(f"{PATH}/nobody")).status_code == 404
    assert (await management.get(f"{PATH}/stripe?include[]=everything")).status_code == 422


@pytest.mark.parametrize("key", sorted(PROVIDERS))
async def test_a_source_begins_with_its_provider(management: httpx.AsyncClient, key: str) -> None:
    """In every environment; an example of the provider is understood and its actions succeed."""
    provider = (await management.get(f"{PATH}/{key}{EVERYTHING}")).json()
    source = await begin(management, key)
    for environment in source["environment_settings"].values():
        settings, mappings = environment["settings"], environment["mappings"]
        wanted = provider["default_settings"]
        assert {name: settings[name] for name in wanted} == wanted
        assert [
            {name: each[name] for name in ("event_type", "action_type", "action_parameters")}
            for each in mappings
        ] == provider["default_action_mappings"]

    for event_type, (example,) in provider["example_payloads"].items():
        if settings["event_type_path"].startswith("headers."):
            continue  # a rehearsal has no headers
        rehearsed = await management.post(
            f"/v1/sources/{key}/rehearse", json={"payload": example["body"]}
        )
        assert rehearsed.status_code == 200
        figures = rehearsed.json()
        expected = sum(each["event_type"] == event_type for each in mappings)
        assert figures["successful_action_logs_count"] == expected
        assert figures["failed_action_logs_count"] == 0
        (log,) = (await management.get(f"/v1/sources/{key}/logs")).json()["entries"]
        assert log["event"] == event_type


async def test_what_is_said_of_a_new_source_is_laid_over(management: httpx.AsyncClient) -> None:
    """Settings one by one, mappings as a whole, where they are given."""
    own = {"event_type": "x", "action_type": "users_delete", "action_parameters": {"id": "body.id"}}
    said = {"settings": {"enforce_verification": False}, "mappings": [own]}
    source = await begin(management, "stripe", environment_settings={"development": said})
    here, there = (source["environment_settings"][slug] for slug in ("development", "production"))
    assert here["settings"]["enforce_verification"] is False
    assert here["settings"]["event_type_path"] == "body.type"
    assert [each["event_type"] for each in here["mappings"]] == ["x"]
    assert there["settings"]["enforce_verification"] is True
    assert len(there["mappings"]) == 3


async def test_a_source_that_is_there_stays_as_it_was_set(management: httpx.AsyncClient) -> None:
    """Naming the provider again brings nothing back."""
    await begin(management, "stripe", environment_settings={"development": {"mappings": []}})
    again = await begin(management, "stripe")
    assert again["environment_settings"]["development"]["mappings"] == []


async def test_an_unknown_provider_is_refused(management: httpx.AsyncClient) -> None:
    """At its place, and nothing is made."""
    source = {"name": "Theirs", "preconfigured_provider": "nobody"}
    refused = await management.put("/v1/sources/theirs", json={"source": source})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [
        "source.preconfigured_provider"
    ]
    assert (await management.get("/v1/sources/theirs")).status_code == 404
