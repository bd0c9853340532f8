"""Webhooks (Knock docs: "Webhook channels"; Management API: WebhookTemplate, RequestTemplate)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from domain.channels.kind import INPUT_SCHEMA, ChannelKind, MessageContent, Target
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_WEBHOOK
from domain.kit.authored import TemplateFile
from domain.kit.http_requests import METHODS, HttpMethod, Pair, is_method, read_pairs
from domain.kit.json_types import JsonObject
from domain.kit.shapes import REFUSE_NULL, Shape, Text
from domain.kit.violations import Violations

# What the settings of a webhook channel say about its own request.
_REQUEST = ("method", "url", "headers", "query_params", "body")
_NEED_A_URL = ("headers", "query_params", "body")


class HttpTemplate(Shape):
    """The request of a webhook; all of it but the method is Liquid."""

    url: Text
    method: Annotated[HttpMethod, REFUSE_NULL]
    headers: list[Pair] | None = None
    query_params: list[Pair] | None = None
    body: str | None = None


class MessageHttpContent(MessageContent):
    """The request of a webhook; Knock publishes no shape for it, so this one is ours."""

    typename: Literal["MessageHttpContent"] = Field("MessageHttpContent", alias="__typename")
    method: Any
    url: Any
    headers: Any
    query_params: Any
    body: Any

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write the request, whose secrets are masked where it is stored."""
        return cls(**{name: content.get(name) for name in _REQUEST})


class Http(ChannelKind):
    """The channel type `http`.

    A step may leave its template out and send the request that its channel is set up with; one or
    the other, never a mixture (Knock docs: "Webhook channels").
    """

    channel_type: ClassVar[ChannelType] = ChannelType.HTTP
    label: ClassVar[str] = "Webhook"
    step_names: ClassVar[tuple[str, ...]] = ("webhook",)
    template: ClassVar[type[Shape]] = HttpTemplate
    # It has none by Knock's schema.
    overrides: ClassVar[type[Shape] | None] = None
    template_files: ClassVar = {"body": TemplateFile("txt")}
    content: ClassVar[type[MessageContent]] = MessageHttpContent
    queue: ClassVar[str | None] = DELIVER_WEBHOOK
    # Any part of the channel's own request may hold a credential.
    secret_settings: ClassVar[frozenset[str]] = frozenset(
        {"url", "headers", "query_params", "body"}
    )
    run_settings: ClassVar[frozenset[str]] = frozenset({"signing_key"})
    has_secret_content: ClassVar[bool] = True
    may_lack_template: ClassVar[bool] = True
    takes_inputs: ClassVar[bool] = True

    def why_unreachable(self, target: Target) -> str | None:
        """A request needs a URL; it does not depend on the recipient."""
        if target.template.get("url"):
            return None
        return f"channel {target.channel_key} has no request of its own"

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return the request."""
        return {name: content[name] for name in _REQUEST}

    def effective_template(self, template: JsonObject, settings: JsonObject) -> JsonObject:
        """Return the step's own request, else the channel's."""
        return template or self.settings_template(settings)

    def settings_template(self, settings: JsonObject) -> JsonObject:
        """Return the request among a channel's settings, as a template."""
        own = {name: settings[name] for name in _REQUEST if settings.get(name)}
        return {"method": "post", **own}

    def read_settings(self, settings: JsonObject, field: str, violations: Violations) -> JsonObject:
        """Read the request among a channel's settings; what is wrong goes to `violations`.

        `headers` and `query_params` are a list of `{"key": …, "value": …}`, an object of names and
        values, which becomes such a list, or one Liquid template that renders to either as JSON. A
        null is a setting that is not set. `input_schema` is a JSON Schema, whatever it says. Other
        settings are left as they are.
        """
        request = {name: value for name, value in settings.items() if value is not None}
        method = request.get("method")
        if method is not None and not is_method(method):
            violations.add(f"{field}.method", f"must be one of: {', '.join(METHODS)}")
        for name in ("url", "body"):
            if not isinstance(request.get(name, ""), str):
                violations.add(f"{field}.{name}", "must be a string")
        if not isinstance(request.get(INPUT_SCHEMA, {}), dict):
            violations.add(f"{field}.{INPUT_SCHEMA}", "must be an object")
        url = request.get("url")
        start = url.strip().lower() if isinstance(url, str) else ""
        if start and not start.startswith(("https://", "http://", "{{", "{%")):
            violations.add(f"{field}.url", "must start with https://, or be a Liquid template")
        if not url and any(request.get(name) for name in _NEED_A_URL):
            violations.add(f"{field}.url", "is required in a request")
        for name in ("headers", "query_params"):
            if name in request:
                request[name] = read_pairs(request[name], f"{field}.{name}", violations)
        return request
