"""What is written on the socket: frames of Phoenix channels, version 2 of their serializer.

Source: `@knocklabs/client`, which speaks by the npm package `phoenix`: a text is the JSON list
`[join_ref, ref, topic, event, payload]`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from domain.kit.json_types import JsonObject, JsonValue

# Topic and events that the protocol itself has.
PHOENIX = "phoenix"
HEARTBEAT, JOIN, LEAVE, REPLY, CLOSE = (
    "heartbeat",
    "phx_join",
    "phx_leave",
    "phx_reply",
    "phx_close",
)
# In bytes: a page says which filters its feeds have, and what its guides are shown with.
LONGEST_FRAME = 128 * 1024
# The longest topic names a user by an id of 256 characters.
_MOST_CHARACTERS = 512


class BadFrame(ValueError):
    """A text that is no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message on the socket, to us or from us.

    Attributes:
        join_ref: which of the client's joins of the topic it belongs to.
        ref: what the client calls the message; an answer has the same.
        topic: what the message is about.
        event: what kind of message it is.
        payload: what it says.
    """

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: JsonValue

    def text(self) -> str:
        """Write it."""
        parts = [self.join_ref, self.ref, self.topic, self.event, self.payload]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)

    def reply(self, status: Literal["ok", "error"], response: JsonObject) -> Frame:
        """Return the answer to it."""
        payload: JsonObject = {"status": status, "response": response}
        return Frame(self.join_ref, self.ref, self.topic, REPLY, payload)


def read_frame(value: JsonValue) -> Frame:
    """Read a frame from decoded JSON. Raises BadFrame."""
    match value:
        case [join_ref, ref, topic, event, payload] if (
            _is_ref(join_ref) and _is_ref(ref) and _is_name(topic) and _is_name(event)
        ):
            return Frame(join_ref, ref, topic, event, payload)
    raise BadFrame("must be a list of join_ref, ref, topic, event and payload")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS


def _is_ref(value: Any) -> bool:
    return value is None or _is_name(value)
