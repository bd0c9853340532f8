"""The request of a webhook channel, as an operator sets it up.

Source: Knock docs, "Webhook channels"; Management API, `RequestTemplate`.
"""

from __future__ import annotations

from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations

METHODS = ("get", "post", "put", "delete", "patch")
_NEED_A_URL = ("headers", "query_params", "body")


def parse_channel_request(settings: JsonObject, field: str, violations: Violations) -> JsonObject:
    """Read the request among a webhook channel's settings; what is wrong goes to `violations`.

    `headers` and `query_params` are a list of `{"key": …, "value": …}`, an object of names and
    values, which becomes such a list, or one Liquid text that renders to either as JSON. A null is
    a setting that is not set. Other settings are left as they are.
    """
    request = {name: value for name, value in settings.items() if value is not None}
    method = request.get("method")
    if method is not None and method not in METHODS:
        violations.add(f"{field}.method", f"must be one of {', '.join(METHODS)}")
    for name in ("url", "body"):
        if not isinstance(request.get(name, ""), str):
            violations.add(f"{field}.{name}", "must be a string")
    url = request.get("url")
    if isinstance(url, str) and not _may_be_url(url):
        violations.add(f"{field}.url", "must begin with https://, or be a Liquid template")
    if not url and any(request.get(name) for name in _NEED_A_URL):
        violations.add(f"{field}.url", "is required for a request")
    for name in ("headers", "query_params"):
        if name in request:
            request[name] = _parse_pairs(request[name], f"{field}.{name}", violations)
    return request


def _may_be_url(url: str) -> bool:
    start = url.strip().lower()
    return not start or start.startswith(("https://", "http://", "{{", "{%"))


def _parse_pairs(raw: JsonValue, field: str, violations: Violations) -> JsonValue:
    if isinstance(raw, dict):
        raw = [{"key": name, "value": value} for name, value in raw.items()]
    if isinstance(raw, str) and (not raw.strip() or "{{" in raw or "{%" in raw):
        return raw
    if not isinstance(raw, list):
        violations.add(field, "must be a list of objects with key and value, or a Liquid template")
        return raw
    for index, pair in enumerate(raw):
        is_pair = isinstance(pair, dict) and all(
            isinstance(pair.get(name), str) for name in ("key", "value")
        )
        if not is_pair:
            violations.add(f"{field}[{index}]", "must be an object with the strings key and value")
    return raw
