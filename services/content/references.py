"""What a workflow refers to outside itself: channels and e-mail layouts.

A workflow may be saved before they exist; it is `valid` once they do, and only then committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.workflows import channel_steps
from models.queries.channels import channels as channel_queries
from models.queries.content import drafts as content_queries
from runtime.database import Connection

EMAIL_LAYOUT = "email_layout"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exists around a workflow: the type of each channel by key, and layout keys."""

    channel_types: Mapping[str, str]
    layouts: frozenset[str]


async def load_surroundings(
    connection: Connection,
    environment_id: UUID,
    contents: Sequence[JsonObject],
    *,
    published: bool = False,
) -> Surroundings:
    """Read, in two statements, what these workflows refer to; `published` asks for committed."""
    steps = [step for content in contents for _path, step in channel_steps(content)]
    channel_keys = _texts([step.get("channel_key") for step in steps])
    layout_keys = _texts([_layout_key(step) for step in steps])
    return Surroundings(
        await channel_queries.channel_types(connection, channel_keys),
        frozenset(
            await content_queries.list_keys(
                connection,
                environment_id,
                EMAIL_LAYOUT,
                layout_keys,
                published=published,
            )
        ),
    )


def reference_errors(content: JsonObject, around: Surroundings) -> list[FieldError]:
    """Return one error per reference that leads nowhere or to a channel of another type."""
    return [
        error
        for path, step in channel_steps(content)
        for error in (_channel_error(path, step, around), _layout_error(path, step, around))
        if error is not None
    ]


async def published_reference_errors(
    connection: Connection, environment_id: UUID, versions: Mapping[str, UUID]
) -> dict[str, list[FieldError]]:
    """Judge published workflows, given as version ids by key, by what is published around them."""
    if not versions:
        return {}
    rows = await content_queries.get_versions(connection, list(versions.values()))
    contents = {key: rows[version_id]["content"] for key, version_id in versions.items()}
    around = await load_surroundings(
        connection, environment_id, list(contents.values()), published=True
    )
    return {key: reference_errors(content, around) for key, content in contents.items()}


def fill_channel_types(content: JsonObject, around: Surroundings) -> None:
    """Write the channel's type into the steps that leave it out, as Knock's API allows."""
    for _path, step in channel_steps(content):
        key = step.get("channel_key")
        if step.get("channel_type") is None and isinstance(key, str):
            known = around.channel_types.get(key)
            if known is not None:
                step["channel_type"] = known


def _channel_error(path: str, step: JsonObject, around: Surroundings) -> FieldError | None:
    key = step.get("channel_key")
    known = around.channel_types.get(key) if isinstance(key, str) else None
    if known is None:
        return FieldError(f"{path}.channel_key", f"channel {key!r} does not exist")
    if known != step.get("channel_type"):
        return FieldError(
            f"{path}.channel_key",
            f"channel {key!r} is of type {known}, not {step.get('channel_type')}",
        )
    return None


def _layout_error(path: str, step: JsonObject, around: Surroundings) -> FieldError | None:
    key = _layout_key(step)
    if key is None or key in around.layouts:
        return None
    return FieldError(
        f"{path}.template.settings.layout_key",
        f"e-mail layout {key!r} does not exist or is not committed",
    )


def _layout_key(step: JsonObject) -> str | None:
    """Return the layout of an e-mail step; what is no text is for the parser to refuse."""
    place: object = step
    for name in ("template", "settings", "layout_key"):
        place = place.get(name) if isinstance(place, dict) else None
    is_email = step.get("channel_type") in ("email", None)
    return place if is_email and isinstance(place, str) else None


def _texts(values: Iterable[JsonValue]) -> list[str]:
    return sorted({value for value in values if isinstance(value, str)})
