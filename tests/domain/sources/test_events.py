"""What is read in an event: paths, instants, signatures, and the parameters of actions."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.sources.actions import ORDER, in_order, mapped
from domain.sources.paths import found_at, instant_at
from domain.sources.verification import VerificationIn, is_genuine

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
AT = NOW.timestamp()
BODY = b'{"event": "paid"}'
EVENT = {
    "body": {"event": "paid", "user": {"id": "ellie", "age": 0}, "items": [{"n": 1}, {"n": 2}]},
    "headers": {"x-shop": "north"},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("body.user.id", "ellie"),
        ("user.id", "ellie"),
        ("headers.X-Shop", "north"),
        ("body.items[1].n", 2),
        ("body.user.age", 0),
        ("body.nothing.here", None),
        ("body", None),
    ],
)
def test_paths(path: str, found: Any) -> None:
    """A path leads into body or headers, a bare one into the body; header names have no case."""
    assert found_at(EVENT, path) == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1767323045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1767323045000, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("soon", NOW),
        (None, NOW),
        (True, NOW),
        (1e300, NOW),
    ],
)
def test_instants(value: Any, expected: datetime) -> None:
    """An event says when it happened as ISO 8601, in seconds or milliseconds; else it is now."""
    assert instant_at({"body": {"at": value}, "headers": {}}, "body.at", NOW) == expected


def scheme(name: str, **more: Any) -> dict[str, str]:
    """Describe how a source signs."""
    return VerificationIn.model_validate({"scheme": name, "secret": "s", **more}).described()


def _signature(key: bytes, signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(key, signed, algorithm).digest()


STRIPE = f"t={int(AT)},v1=" + _signature(b"key", f"{int(AT)}.".encode() + BODY).hex()
STANDARD = _signature(b"key", f"msg_1.{int(AT)}.".encode() + BODY)
CASES = [
    (scheme("token", header="X-Token"), "key", {"x-token": "key"}),
    (scheme("token", header="Authorization"), "key", {"authorization": "Bearer key"}),
    (
        scheme("hmac", header="X-Hub-Signature-256", prefix="sha256="),
        "key",
        {"x-hub-signature-256": "sha256=" + _signature(b"key", BODY).hex().upper()},
    ),
    (
        scheme("hmac", encoding="base64", algorithm="sha1"),
        "key",
        {"x-signature": base64.b64encode(_signature(b"key", BODY, "sha1")).decode()},
    ),
    (scheme("stripe"), "key", {"stripe-signature": STRIPE}),
    (
        scheme("standard_webhooks"),
        "whsec_" + base64.b64encode(b"key").decode(),
        {
            "svix-id": "msg_1",
            "svix-timestamp": str(int(AT)),
            "svix-signature": "v1,other v1," + base64.b64encode(STANDARD).decode(),
        },
    ),
]


@pytest.mark.parametrize(("how", "secret", "headers"), CASES)
def test_signatures(how: dict[str, str], secret: str, headers: dict[str, str]) -> None:
    """What is signed with the secret is genuine; another body, secret or no header is not."""
    given = {"body": BODY, "headers": headers, "now": AT}
    assert is_genuine(how, secret, **given)
    assert not is_genuine(how, secret, **{**given, "headers": {}})
    assert not is_genuine(how, "other", **given)
    if how["scheme"] != "token":
        assert not is_genuine(how, secret, **{**given, "body": BODY + b" "})


@pytest.mark.parametrize(("how", "secret", "headers"), CASES[-2:])
def test_an_old_signature(how: dict[str, str], secret: str, headers: dict[str, str]) -> None:
    """A signed time that is more than five minutes away may be somebody else's copy."""
    assert is_genuine(how, secret, body=BODY, headers=headers, now=AT + 299)
    for now in (AT + 301, AT - 301):
        assert not is_genuine(how, secret, body=BODY, headers=headers, now=now)


def test_an_unknown_scheme() -> None:
    """What only a newer version knows is genuine to nobody."""
    assert not is_genuine({"scheme": "odd"}, "key", body=BODY, headers={}, now=AT)


def test_parameters() -> None:
    """Strings that are paths become what they find; what is not there is left out."""
    parameters = {
        "key": "welcome",
        "recipients": ["body.user.id", "body.nobody"],
        "data": {"first": "body.items.0", "shop": "headers.x-shop", "gone": "body.gone"},
        "n": 3,
    }
    assert mapped(parameters, EVENT) == {
        "key": "welcome",
        "recipients": ["ellie"],
        "data": {"first": {"n": 1}, "shop": "north"},
        "n": 3,
    }


def test_the_order_of_actions() -> None:
    """Actions come in the fixed order; those of other events, switched off or unknown, do not."""
    mappings = [
        *({"event_type": "paid", "action_type": name} for name in reversed(ORDER)),
        {"event_type": "paid", "action_type": "users_identify", "active": False},
        {"event_type": "sold", "action_type": "users_identify"},
        {"event_type": "paid", "action_type": "from_the_future"},
    ]
    assert [each["action_type"] for each in in_order(mappings, "paid")] == list(ORDER)
    assert ORDER[:2] == ("users_identify", "users_delete")
    assert ORDER[-2:] == ("workflows_trigger", "workflows_cancel")
