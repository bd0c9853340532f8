"""What the vendors with an HTTP API for e-mail have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar, cast

from pydantic import SecretStr

from domain.channels.email import EmailContent
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Refused
from domain.kit.json_types import JsonValue
from providers.asking import AskedSettings
from providers.email.addresses import Envelope, Mailbox, read_envelope
from providers.rest import RestProvider, RestSettings

S = TypeVar("S", bound=RestSettings)


class CallbackSettings(AskedSettings):
    """Settings of a vendor that tells what becomes of messages, by callbacks and when it is asked.

    `webhook_signing_key` is what it proves itself with; without one its address is the proof.
    """

    webhook_signing_key: SecretStr | None = None


class EmailApi(RestProvider[S]):
    """A vendor of e-mail.

    Attributes:
        most_bytes: of bodies and attachments, as the vendor counts them: in base64.
    """

    channel_type: ClassVar[ChannelType] = ChannelType.EMAIL
    most_bytes: ClassVar[int]

    def read_mail(self, delivery: Delivery) -> tuple[EmailContent, Envelope]:
        """Return a rendered e-mail with its addresses.

        Raises Bounced and Misconfigured for these, and Refused for one that is too large.
        """
        content = cast(EmailContent, delivery.content)
        size = sum(4 * ((len(each.content) + 2) // 3) for each in delivery.attachments)
        if size:
            size += sum(len(content[body].encode()) for body in ("html_body", "text_body"))
        if size > self.most_bytes:
            raise Refused(
                f"The e-mail has {size:,} bytes with its attachments in base64;"
                f" {self.service_name} accepts at most {self.most_bytes:,}."
            )
        return content, read_envelope(content)


def overrides_of(delivery: Delivery) -> JsonValue:
    """Return what the channel or step lays over the vendor's request.

    `headers` are those of the e-mail, whoever the vendor is: the content has them already.
    """
    overrides = delivery.content.get("overrides")
    if not isinstance(overrides, dict):
        return overrides
    return {name: value for name, value in overrides.items() if name != "headers"}


def named_headers(content: EmailContent) -> list[JsonValue]:
    """Write the extra headers as APIs take them that want a list."""
    return [{"Name": name, "Value": value} for name, value in content["headers"].items()]


def written(box: Mailbox) -> str:
    """Write a mailbox as APIs take it, in Unicode: `"Ada Lovelace" <ada@example.com>`."""
    if not box.name:
        return box.address
    name = box.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{box.address}>'
