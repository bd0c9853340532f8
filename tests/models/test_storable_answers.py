"""Whatever a provider answers can be stored, and read again as it was stored."""

from __future__ import annotations

import json
import math
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from domain.deliveries.delivery import Exchange, Outcome, Refused
from domain.kit.storable import MOST_CHARACTERS, storable_json
from domain.messages.statuses import DeliveryStatus
from outbound.redaction import Redactor

# Lone surrogates and NUL are what ordinary strategies leave out.
TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(["\x00", "\ud800", "a\udfffb", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**4000), 2**63, 1e308, -0.0, 5e-324]),
    st.floats(allow_nan=True, allow_infinity=True),
    TEXT,
    st.binary(max_size=5),
)
ANSWERS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def connection(database_url: str) -> Any:
    """Open a plain connection to the database of the tests."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def _stored(connection: Any, value: Any) -> Any:
    row = connection.execute("SELECT %s::jsonb", [Jsonb(value)]).fetchone()
    return row[0]


def _as_floats(value: Any) -> Any:
    """Make numbers comparable: 1e308 comes back as an integer of 309 digits."""
    return json.loads(json.dumps(value), parse_int=float)


@given(answer=ANSWERS)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_is_stored_as_it_is_logged(connection: Any, answer: Any) -> None:
    """PostgreSQL takes the cleaned value, and cleaning it again changes nothing."""
    clean = storable_json(answer)
    assert _as_floats(_stored(connection, clean)) == _as_floats(clean)
    assert storable_json(clean) == clean


@given(raw=st.binary(max_size=60) | ANSWERS.map(lambda value: json.dumps(str(value)).encode()))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_body_is_stored_as_it_is_logged(connection: Any, raw: bytes) -> None:
    """The body of an answer is stored whatever its bytes are."""
    body = Redactor(["secret"]).body(raw)
    assert _as_floats(_stored(connection, body)) == _as_floats(body)


@pytest.mark.parametrize(
    "raw",
    [
        '{"x": 1e999}',
        '{"x": -1e999}',
        '{"x": NaN}',
        '{"x": [{"y": Infinity}]}',
        '{"x": "\\u0000"}',
        '{"\\ud800": 1}',
        '{"x": ' * 200 + "1" + "}" * 200,
        '{"x": ' + "[" * 900 + "]" * 900 + "}",
        '{"x": ' + "9" * 5000 + "}",
        '{"x": "' + "y" * 500_000 + '"}',
        "[" + "1," * 200_000 + "1]",
    ],
)
def test_hostile_answers_can_be_recorded(connection: Any, raw: str) -> None:
    """Each answer that a remote party may think of is stored with the exchange it belongs to."""
    exchange = Exchange("Vendor", {"body": Redactor().body(raw.encode())})
    assert _stored(connection, exchange.request) == exchange.request


def test_an_exchange_is_storable_by_itself(connection: Any) -> None:
    """A provider that logs what it got without a look at it does no harm."""
    deep: Any = {}
    for _ in range(5_000):
        deep = {"a": deep}
    exchange = Exchange("Vendor", {"x": math.inf, "\x00": deep}, {"body": "\ud800" * 10})
    assert _stored(connection, exchange.request)["x"] == "inf"
    assert _stored(connection, exchange.response) == {"body": "?" * 10}


def test_what_a_vendor_says_is_bounded(connection: Any) -> None:
    """Ids, facts and reasons of a vendor are cleaned and cut."""
    outcome = Outcome(DeliveryStatus.SENT, None, "\x00" * 5_000, {"cost": math.nan})
    assert outcome.external_id == "\ufffd" * 1_000
    assert _stored(connection, outcome.metadata) == {"cost": "nan"}
    assert Refused("\ud800" + "x" * 5_000).reason == "?" + "x" * 999


def test_huge_documents_are_cut(connection: Any) -> None:
    """A document beyond the bound keeps its beginning and says that it was cut."""
    huge = {"list": list(range(1_000_000)), "text": "x" * 1_000_000}
    kept = storable_json(huge)
    assert len(json.dumps(kept)) < 2 * MOST_CHARACTERS
    assert kept["list"][-1].endswith("cut]")
    assert kept["[cut]"] == 1
    assert storable_json([10**5000]) == ["[a number too long]"]
