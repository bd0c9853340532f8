"""What providers take and say: a delivery, its outcome, its failures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.storable import storable_object, storable_text
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus

# What is kept of a vendor's own words: its id of the message, its reason for refusing it.
_LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one provider.

    Attributes:
        message_id: also the idempotency key, stable over every attempt.
        channel_type: the family of the channel.
        content: the rendered content; its type is in `domain/channels/<type>.py`.
        settings: the provider's settings of this environment, decrypted.
        recipient_id: the caller's id of the recipient, for logs of the provider.
        channel_data: what the recipient has stored for this channel, or None.
        attempt: 1 for the first.
        workflow_key: of the workflow that made the message.
        data: what the message keeps of its trigger's data.
        attachments: the files that go with it.
        callback_url: where its vendor may tell what becomes of it, for those that are given an
            address with each message.
    """

    message_id: str
    channel_type: ChannelType
    content: JsonObject
    settings: JsonObject
    recipient_id: str
    channel_data: JsonObject | None = None
    attempt: int = 1
    workflow_key: str = ""
    data: JsonObject = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    callback_url: str | None = None

    def without_contents(self) -> Delivery:
        """Return it as a delivery log shows it, which tells of each file how long it is."""
        return replace(self, attachments=tuple(each.omitted() for each in self.attachments))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of a provider as the delivery log shows it; secrets are already redacted.

    `request` has method, host, path, query, headers, body; `response` has status, headers, body,
    and is None when no answer came. Both can be stored, whatever a vendor answered: an answer that
    could not be recorded would be asked for again, and the message sent again.
    """

    service_name: str
    request: JsonObject
    response: JsonObject | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "request", storable_object(self.request))
        if self.response is not None:
            object.__setattr__(self, "response", storable_object(self.response))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider took the message: `status` is sent, delivered or not_sent.

    `external_id` is the vendor's name for it; like `metadata` it can be stored, whatever it holds.
    `found` is a connection that was looked up for the recipient, which is theirs from now on.
    `is_told_by_name` says that the vendor may tell of it afterwards by that name alone,
    `is_asked_for` that it is to be asked what became of it.
    """

    status: DeliveryStatus
    exchange: Exchange | None
    external_id: str | None = None
    metadata: dict[str, JsonValue] = field(default_factory=dict)
    found: JsonObject | None = None
    is_told_by_name: bool = False
    is_asked_for: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", storable_object(self.metadata))
        if self.external_id is not None:
            kept = storable_text(str(self.external_id)[:_LONGEST_TEXT])
            object.__setattr__(self, "external_id", kept)


class DeliveryFailure(Exception):
    """Base of what a provider raises when it did not take the message.

    Args:
        reason: one sentence, safe to show to the customer; no secrets. Cut to 1,000 characters.
        exchange: the call for the delivery log, when one was made.
    """

    def __init__(self, reason: str, exchange: Exchange | None = None) -> None:
        self.reason = storable_text(reason[:_LONGEST_TEXT])
        super().__init__(self.reason)
        self.exchange = exchange


class Retry(DeliveryFailure):
    """Trying again may help; `after` is the provider's own wish in seconds, if it said one."""

    def __init__(
        self, reason: str, exchange: Exchange | None = None, *, after: float | None = None
    ) -> None:
        super().__init__(reason, exchange)
        self.after = after


class Refused(DeliveryFailure):
    """The provider will never take this message: undelivered, `fatal_error`."""


class Bounced(DeliveryFailure):
    """The recipient's address is no good: bounced.

    `token` is the address of a device that is no more, which the recipient is rid of then.
    """

    def __init__(
        self, reason: str, exchange: Exchange | None = None, *, token: str | None = None
    ) -> None:
        super().__init__(reason, exchange)
        self.token = token


class Misconfigured(DeliveryFailure):
    """The channel's settings cannot work: undelivered, `fatal_error`, and an operator's task."""
