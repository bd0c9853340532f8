"""Every query is about one environment, or says why it is not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUERIES = ROOT / "models" / "queries"

_ALL = "belongs to the whole installation"
_BEFORE = "runs before an environment is known"
_CARRIED = "the row that is written carries its environment"
_VERSION = "versions are found by ids of an environment's own rows, and never change"
_OWNED = "an id that the caller has read from a row of its environment"
_OURS = "asked for by the product's own processes, never by a caller"
# By module and function, each with the reason why no environment has to be named.
ELSEWHERE: dict[str, str] = {
    "account/environments.*": _ALL,
    "account/api_keys.insert_*": _CARRIED,
    "account/api_keys.get_api_key": _ALL,
    "account/api_keys.expire_api_key": _ALL,
    "account/api_keys.revoke_api_key": _ALL,
    "account/api_keys.*_service_token*": _ALL,
    "account/assets.*": _ALL,
    "account/members.*": _ALL,
    "account/removal.list_removed": _OURS,
    "account/removal.pages_of": "asks how large a table is",
    "account/credentials.find_credential": _BEFORE,
    "account/signing_keys.insert_*": _CARRIED,
    "agents/model_providers.upsert_provider": _CARRIED,
    "audiences/builds.begin_builds": _OURS,
    "audiences/builds.take_build": _OURS,
    "audiences/builds.advance_build": "the build names its environment",
    "audiences/builds.put_off_build": "the build names its environment",
    "audiences/builds.drop_builds": _ALL,
    "audiences/members.remove_everybody": _ALL,
    "waits/changes.members_awaited": _ALL,
    "batches/membership.open_batch": _CARRIED,
    "batches/membership.join_batch": _CARRIED,
    "batches/membership.close_batch": _OWNED,
    "batches/membership.move_window": _OWNED,
    "batches/membership.note_resumed": _OWNED,
    "batches/membership.is_run_open": _OWNED,
    "batches/succession.*": "the batch names its environment",
    "batches/windows.*": _OURS,
    "broadcasts/broadcasts.overdue_broadcasts": _OURS,
    "bulk/recovery.stuck_operations": _OURS,
    "channels/channels.get_channel": _ALL,
    "channels/channels.list_channels": _ALL,
    "channels/channels.channel_types": _ALL,
    "channels/channels.is_channel": _ALL,
    "channels/channels.types_of_channels": _ALL,
    "channels/channels.list_channel_settings": _ALL,
    "channels/channels.list_sealed": _OURS,
    "channels/channels.upsert_channel": _ALL,
    "channels/channels.touch_channel": _ALL,
    "channels/channels.upsert_channel_settings": _CARRIED,
    "channels/channels.channels_by_key": _ALL,
    "channels/groups.*": _ALL,
    "channels/holds.held_channels": _ALL,
    "content/catalog.published_content": "says of each type where its content is",
    "content/catalog.version_content*": _VERSION,
    "content/drafts.get_versions": _VERSION,
    "content/drafts.archive": _ALL,
    "content/drafts.lock_publication": "a promotion locks two environments, in one order",
    "content/prebuilt.*": "every environment has it",
    "content/references.*": "says of each piece of content where it is",
    "content/tags.*": _ALL,
    "content/variables.*_variable": _ALL,
    "content/variables.list_variables": _ALL,
    "content/variables.count_variables": _ALL,
    "content/variables.values_of": _ALL,
    "content/variables.list_sealed": _OURS,
    "content/variables.put_value": _CARRIED,
    "content/variables.seal_anew": _CARRIED,
    "content/commits.insert_commit": _CARRIED,
    "content/commits.get_commit": _ALL,
    "content/commits.get_copy": "a commit of one environment, and its copy in another",
    "content/commits.mark_promoted": _CARRIED,
    "content/changes.list_unpromoted": "a promotion compares two environments",
    "content/changes.get_commit_beside": _ALL,
    "deliveries/checks.take_overdue": _OURS,
    "deliveries/checks.*check*": "the message that is checked names its environment",
    "deliveries/deliveries.claim_delivery": "the claim names the environment",
    "deliveries/deliveries.renew_lease": "only the holder of a claim has its key",
    "deliveries/deliveries.give_back": "only the holder of a claim has its key",
    "deliveries/deliveries.record_attempt": "only the holder of a claim has its key",
    "deliveries/deliveries.overdue_deliveries": _OURS,
    "events/outbox.*": "a reader of the outbox reads for all environments, each by subscription",
    "in_app/feeds.is_feed_channel": _ALL,
    "jobs/*": _OURS,
    "tracking/links.find_short_link": "whoever follows a link has nothing but its key",
    "tracking/sightings.store_sighting": "the message that a link names has its environment",
    "realtime/news.*": "for all that a process listens to, each in its environment",
    "runs/fetches.*_attempt": "the attempt names its environment, or was read of a run of it",
    "runs/fetches.f*_fetch": _OWNED,
    "runs/fetches.forget_ended": _OURS,
    "runs/open_runs.*": _OURS,
    "runs/runs.events_of_run": _OWNED,
    "runs/throttles.try_to_pass": "the id of the throttle is derived from its environment",
    "runs/throttles.forget_passes": _OURS,
    "runs/walks.*": _OWNED,
    "sources/sources.upsert_source": _ALL,
    "sources/sources.find_source": _ALL,
    "sources/sources.existing_keys": _ALL,
    "sources/sources.list_sources": _ALL,
    "sources/sources.environments_of": _ALL,
    "sources/sources.add_environments": "names each environment with its address",
    "sources/sources.set_environments": "a new source begins alike in all of them",
    "sources/sources.find_endpoint": _BEFORE,
    "sources/events.add_*": _CARRIED,
    "sources/events.actions_of": _OWNED,
    "sources/events.forget_*": _OURS,
    "waits/candidates.candidates": "the wait names its environment",
    "waits/changes.add_changes": _CARRIED,
    "waits/changes.forget_changes": _OURS,
    "waits/waits.*": _OWNED,
    "preferences/categories.*": _ALL,
    "schedules/clocks.due_schedules": _OURS,
    "schedules/clocks.next_due": _OURS,
    "schedules/clocks.overdue_clocks": _OURS,
    "schedules/moves.settled_moves": _OURS,
    "schedules/moves.forget_move": _OURS,
    "triggers/addressees.next_addressees": _OURS,
    "triggers/addressees.add_runs": _OURS,
    "triggers/cancellations.*": _OURS,
    "triggers/chunks.chunk_boundaries": _OURS,
    "triggers/expansions.*": "the expansion names its environment",
    "triggers/idempotency.delete_expired": _OURS,
    "triggers/releases.*": _OURS,
    "webhooks/deliveries.add_events": _CARRIED,
    "webhooks/deliveries.take_*": _OURS,
    "webhooks/deliveries.forget_old": _OURS,
    "webhooks/endpoints.environments_with_endpoints": _ALL,
}


def _functions() -> Iterator[tuple[str, list[str]]]:
    """Yield every function that others may call, with its parameters in order."""
    for path in sorted(QUERIES.rglob("*.py")):
        module = path.relative_to(QUERIES).with_suffix("").as_posix()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", [argument.arg for argument in node.args.args]


FUNCTIONS = dict(_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_query_names_its_environment(name: str) -> None:
    """It takes `environment_id` right after the connection, or has a reason not to."""
    named = FUNCTIONS[name][:2] == ["connection", "environment_id"]
    assert named or any(fnmatch(name, known) for known in ELSEWHERE)


@pytest.mark.parametrize("known", ELSEWHERE)
def test_no_reason_is_left_behind(known: str) -> None:
    """Whoever needs no reason any more is not on the list."""
    assert any(
        fnmatch(name, known) and parameters[:2] != ["connection", "environment_id"]
        for name, parameters in FUNCTIONS.items()
    )
