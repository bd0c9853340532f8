"""What the product knows of a channel type: the class that each of them fills in."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from domain.channels.types import ChannelType
from domain.kit.authored import FileFields, TemplateFile
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import DocumentedAs, Shape
from domain.kit.violations import Violations

# Settings that channels of several types have, and steps replace.
LINK_TRACKING, OPEN_TRACKING = "link_tracking", "open_tracking"
# The setting that holds the JSON Schema of what steps give to a channel.
INPUT_SCHEMA = "input_schema"


# A text of a message as it was stored, or null where another version stored none.
WrittenText = Annotated[Any, DocumentedAs(str | None)]


class MessageContent(BaseModel):
    """Base of the contents of messages as they are answered.

    Members are typed leniently: what was stored by another version is answered as it is.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @classmethod
    @abstractmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write what was rendered for a message.

        Args:
            content: as it is stored with the message.
            snapshot: what was remembered of the address; empty when nothing was.
        """


@dataclass(frozen=True, slots=True)
class Target:
    """What may say where a message goes.

    Attributes:
        recipient: in wire shape; empty when it was deleted.
        template: the effective template.
        settings: the effective settings of the channel.
        channel_key: names the channel.
        channel_data: what the recipient has stored for the channel.
        tenant_data: what the tenant of the run has stored for it.
        provider: of the channel.
    """

    recipient: JsonObject
    template: JsonObject
    settings: JsonObject
    channel_key: str
    channel_data: JsonObject | None = None
    tenant_data: JsonObject | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """One of the addresses of a recipient on a channel; each gets a message of its own.

    Attributes:
        name: tells it from the recipient's others on the channel; empty where there are no others.
        zone: the time zone that it says it is in.
        locale: that what is sent there is translated for, in the place of the recipient's.
        content: what the message's content says of it, beside what is rendered.
        remembered: what is kept of it with the message, to be shown.
    """

    name: str = ""
    zone: str | None = None
    locale: str | None = None
    content: JsonObject = field(default_factory=dict)
    remembered: JsonObject | None = None

    @classmethod
    def named_by(cls, address: JsonValue, **members: Any) -> Self:
        """Make one that has its name from what tells it from others."""
        digest = hashlib.sha256(json.dumps(address, sort_keys=True).encode()).hexdigest()
        return cls(name=digest[:32], **members)


def payload_settings(overrides: JsonObject) -> JsonObject:
    """Return what the settings of a rendered template say of the provider's payload."""
    return {"payload_overrides": json.dumps(overrides, ensure_ascii=False)} if overrides else {}


class ChannelKind(ABC):
    """One channel type; each is a class of its own in `domain/channels/<type>.py`.

    Attributes:
        channel_type: the wire name.
        label: what recipients call it.
        step_names: other names that steps and channel groups may call it by.
        template: the shape of a step's template.
        overrides: the shape of a step's `channel_overrides`; None when it has none.
        template_files: fields of the template that Knock's CLI keeps in files.
        template_defaults: what is written into a template whose author leaves it out.
        content: what is answered of a rendered message.
        has_steps: whether steps make its messages; those of guides are made when somebody sees
            them.
        names_guide: whether a step names a guide, which its recipient may see then, in the place of
            a template.
        queue: the task queue of its deliveries; None when it has none, because a message is always
            delivered by being stored.
        own_provider: what the wire calls the provider of a type that needs none.
        has_sandbox: whether a channel may be in sandbox mode, in which messages are not sent.
        by_channel_data: whether a recipient is reached by what it has stored for the channel.
        secret_settings: names of channel settings that are encrypted and never shown again.
        run_settings: names of provider settings whose Liquid sees the run; a step of which one
            renders to nothing is skipped.
        kept_overrides: names of settings that still count when a message was sent; what a step says
            of them is kept with its content.
        has_layout: whether a layout may be around its templates.
        may_lack_template: whether a step may leave its template out.
        takes_inputs: whether steps give values to a channel, which its templates see as `inputs`.
        has_secret_content: whether rendered content may hold credentials, which are encrypted.
        secret_content: members of the content that are encrypted as a whole.
        click_reads: whether a message counts as read when a link in it was followed: nothing else
            could tell.
    """

    channel_type: ClassVar[ChannelType]
    label: ClassVar[str]
    step_names: ClassVar[tuple[str, ...]] = ()
    template: ClassVar[type[Shape]]
    overrides: ClassVar[type[Shape] | None]
    template_files: ClassVar[Mapping[str, TemplateFile]]
    template_defaults: ClassVar[Mapping[str, JsonValue]] = {}
    content: ClassVar[type[MessageContent]]
    queue: ClassVar[str | None]
    own_provider: ClassVar[str | None] = None
    has_steps: ClassVar[bool] = True
    names_guide: ClassVar[bool] = False
    has_sandbox: ClassVar[bool] = True
    by_channel_data: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    run_settings: ClassVar[frozenset[str]] = frozenset()
    kept_overrides: ClassVar[frozenset[str]] = frozenset()
    has_layout: ClassVar[bool] = False
    may_lack_template: ClassVar[bool] = False
    takes_inputs: ClassVar[bool] = False
    has_secret_content: ClassVar[bool] = False
    secret_content: ClassVar[frozenset[str]] = frozenset()
    click_reads: ClassVar[bool] = False

    @property
    def needs_provider(self) -> bool:
        """Tell whether a provider carries its messages."""
        return self.own_provider is None

    @abstractmethod
    def why_unreachable(self, target: Target) -> str | None:
        """Return why a recipient has no address here, or None when there may be one."""

    def destinations(self, target: Target) -> Sequence[Destination]:
        """Return the addresses of a recipient that can be reached; each gets a message."""
        return (Destination(),)

    def effective_template(self, template: JsonObject, settings: JsonObject) -> JsonObject:
        """Return what a step sends, which a channel's own settings may say in its place."""
        return template

    def unsupported(self, template: JsonObject, field: str) -> Iterator[FieldError]:
        """Yield what a draft's template asks for that this version cannot render."""
        yield from ()

    def more_files(self, template: JsonObject, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield what inside a template is kept in files, beside `template_files`."""
        yield from ()

    def layout_key(self, template: JsonObject) -> str | None:
        """Return the key of the layout around the rendered template."""
        return None

    def partials(self, template: JsonObject, place: str) -> Iterator[tuple[str, str]]:
        """Yield the partials that a template names outside its Liquid, each with its place."""
        yield from ()

    def read_settings(self, settings: JsonObject, field: str, violations: Violations) -> JsonObject:
        """Read a channel's settings, `settings` without masks; what is wrong is noted."""
        for name in (LINK_TRACKING, OPEN_TRACKING):
            is_known = self.overrides is not None and name in self.overrides.model_fields
            if is_known and not isinstance(settings.get(name), bool | None):
                violations.add(f"{field}.{name}", "must be true or false")
        return settings

    def settings_template(self, settings: JsonObject) -> JsonObject | None:
        """Return what among a channel's settings is a template, which has to be valid Liquid."""
        return None

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return a template with what it has rendered to in the place of its Liquid."""
        return template

    def remembered(self, content: JsonObject, recipient: JsonObject) -> dict[str, Any] | None:
        """Return what is kept of the address with a message: the recipient's may change later."""
        return None
