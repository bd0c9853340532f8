"""Where push and chat messages go: devices and connections of a recipient."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.chat import Chat
from domain.channels.kind import Target
from domain.channels.push import MOST_DEVICES, Device, Push, devices_of, without_token
from domain.kit.json_types import JsonObject

IN_BERLIN = {"token": "b", "timezone": "Europe/Berlin"}
DIRECT = {"user_id": "U1"}


def target(
    data: Any,
    *,
    tenant: Any = None,
    settings: JsonObject | None = None,
    provider: str = "",
    **recipient: Any,
) -> Target:
    """Make what decides where a message goes."""
    return Target(recipient, {}, settings or {}, "key", data, tenant, provider)


@pytest.mark.parametrize(
    ("data", "devices"),
    [
        ({"tokens": ["a", "b", "a"]}, [Device("a"), Device("b")]),
        (
            {"tokens": ["a", "b"], "devices": [IN_BERLIN]},
            [Device("a"), Device("b", "Europe/Berlin")],
        ),
        (
            {"target_arns": ["arn"], "devices": [{"target_arn": "arn2"}]},
            [Device("arn"), Device("arn2")],
        ),
        ({"devices": [{"token": "a", "locale": "de"}]}, [Device("a", locale="de")]),
        ({"devices": [{"token": "a", "locale": 1, "timezone": {}}]}, [Device("a")]),
        ({"player_ids": ["p"]}, [Device("p")]),
        ({"tokens": [None, "", 7, {}], "devices": ["x", {"token": 1}, {}]}, []),
        ({"tokens": "a", "devices": {"token": "b"}}, []),
        ({}, []),
    ],
)
def test_devices_are_read_from_every_shape(data: JsonObject, devices: list[Device]) -> None:
    """Each device counts once; what is none is passed over."""
    assert devices_of(data) == devices


def test_a_device_is_forgotten_wherever_it_stands() -> None:
    """Everything else stays as it was stored."""
    data = {"tokens": ["a", "b"], "devices": [IN_BERLIN, {"token": "c"}], "note": 1}
    kept = {"tokens": ["a"], "devices": [{"token": "c"}], "note": 1}
    assert without_token(data, "b") == kept
    assert without_token(kept, "b") == kept


def test_of_very_many_devices_the_newest_are_reached() -> None:
    """Knock appends new devices; old ones are the first."""
    many = {"tokens": [f"t{number}" for number in range(MOST_DEVICES + 50)]}
    reached = Push().destinations(target(many))
    assert len(reached) == MOST_DEVICES
    assert reached[-1].content == {"token": f"t{MOST_DEVICES + 49}"}


def test_push_says_why_nobody_is_reached() -> None:
    """Nothing stored, and nothing that is a device, are told apart."""
    assert Push().why_unreachable(target(None)) == "recipient has no channel data"
    assert Push().why_unreachable(target({"tokens": []})) == "recipient has no device tokens"
    assert Push().why_unreachable(target({"tokens": ["a"]})) is None


@pytest.mark.parametrize(
    ("connection", "shown"),
    [
        ({"channel_id": "C1", "access_token": "xoxb"}, {"channel_id": "C1"}),
        (DIRECT, DIRECT),
        ({"incoming_webhook": {"url": "https://hooks.example/x"}}, {"via_incoming_webhook": True}),
    ],
)
def test_a_connection_is_shown_without_its_secrets(
    connection: JsonObject, shown: JsonObject
) -> None:
    """A message remembers where it went, and neither token nor webhook."""
    (reached,) = Chat().destinations(target({"connections": [connection]}))
    assert reached.content == {"connection": connection}
    assert reached.remembered == shown


def test_credentials_of_the_tenant_win() -> None:
    """The recipient says where a message goes, the tenant of the run in whose workspace."""
    own = {"connections": [{**DIRECT, "access_token": "own"}], "token": {"access_token": "mine"}}
    tenant = {"token": {"access_token": "theirs"}, "ms_teams_tenant_id": "t"}
    (reached,) = Chat().destinations(target(own, tenant=tenant))
    assert reached.content["connection"]["access_token"] == "theirs"
    assert reached.content["connection"]["ms_teams_tenant_id"] == "t"
    (alone,) = Chat().destinations(target(own))
    assert alone.content["connection"]["access_token"] == "mine"


def test_a_person_may_be_found_by_email() -> None:
    """Without a connection, where the channel says so and the tenant has a token."""
    by_email = {"email_based_user_id_resolution": True}
    tenant = {"token": {"access_token": "x"}}
    (reached,) = Chat().destinations(
        target(None, tenant=tenant, settings=by_email, email="a@example.com")
    )
    assert reached.content == {"connection": {"access_token": "x", "email": "a@example.com"}}
    assert Chat().why_unreachable(target(None, tenant=tenant, email="a@example.com"))
    assert Chat().why_unreachable(target(None, settings=by_email, email="a@example.com"))
    assert Chat().why_unreachable(target(None, tenant=tenant, settings=by_email))


def test_by_whatsapp_people_have_a_phone_number() -> None:
    """What they have stored for the channel does not count."""
    connected = {"connections": [DIRECT]}
    asked = target(connected, provider="chat_whatsapp", phone_number="+1555")
    (reached,) = Chat().destinations(asked)
    assert Chat().why_unreachable(asked) is None
    assert reached.content == {"connection": {"phone_number": "+1555"}}
    assert reached.remembered == {"phone_number": "+1555"}
    without = target(connected, provider="chat_whatsapp")
    assert Chat().why_unreachable(without) == "recipient has no phone_number"
    assert (
        Chat().why_unreachable(target(None, phone_number="+1555"))
        == "recipient has no channel data"
    )


@pytest.mark.parametrize("data", [{"connections": None}, {"connections": [None, {}]}, {"token": 1}])
def test_odd_connections_reach_nobody(data: JsonObject) -> None:
    """What is stored in no shape of Knock's is passed over."""
    assert Chat().why_unreachable(target(data)) == "recipient has no connections"


def test_addresses_have_names_that_last() -> None:
    """The same address has the same name wherever it stands in the list."""
    first = Push().destinations(target({"tokens": ["a", "b"]}))
    again = Push().destinations(target({"tokens": ["b", "a"]}))
    assert {each.name for each in first} == {each.name for each in again}
    assert len({each.name for each in first}) == 2
