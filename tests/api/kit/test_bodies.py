"""Bodies: whatever is sent is an object that can be stored, or a 422 that names the field."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kit.bodies import MAX_DEPTH, parse_object
from domain.kit.errors import InvalidParams


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"not json", "body"),
        (b"{", "body"),
        (b"[1]", "body"),
        (b'"text"', "body"),
        (b"0", "body"),
        (b"\xff\xfe{}", "body"),
        (b'{"a": "\xed\xa0\x80"}', "body"),
        (b'{"a": NaN}', "body"),
        (b'{"a": -Infinity}', "body"),
        (b'{"a": 1e999}', "a"),
        (b'{"a": -1E+400}', "a"),
        (b'{"a": 0.01e311}', "a"),
        (b'{"a": 12' + b"0" * 308 + b".5}", "a"),
        (b'{"a": 1' + b"0" * 309 + b"}", "a"),
        (b'{"a": -2' + b"0" * 308 + b"}", "a"),
        (b'{"a": ' + b"9" * 5000 + b"}", "body"),
        (b'{"a": {"b": ["x", "\\u0000"]}}', "a.b[1]"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a": "\\uDFFF x"}', "a"),
        (b'{"x": {"\\u0000": 1}}', "x"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "body"),
        (b'{"a":' + b"[" * 100_000, "body"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    ],
)
def test_bad_bodies_name_their_field(raw: bytes, field: str) -> None:
    """What cannot be decoded or stored is refused with the path of the field."""
    with pytest.raises(InvalidParams) as caught:
        parse_object(raw)
    assert caught.value.errors[0].field == field


def test_all_that_cannot_be_stored_is_told() -> None:
    """Each at its place, up to fifty; what stands under a key that cannot be told is left out."""
    raw = b'{"name": "a\\u0000", "email": "\\ud800", "n": [1e999, 2], "\\u0000": {"a": "\\u0000"}}'
    with pytest.raises(InvalidParams) as caught:
        parse_object(raw)
    assert [error.field for error in caught.value.errors] == ["name", "email", "n[0]", "body"]

    many = {"k" * 1000: ["\x00"] * 200}
    with pytest.raises(InvalidParams) as caught:
        parse_object(json.dumps(many).encode())
    places = [error.field for error in caught.value.errors]
    assert places == [f"{'k' * 255}[{index}]" for index in range(50)]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", {}),
        (b"  \n", {}),
        (b"null", {}),
        (b"[]", {}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": "\\ud83d\\ude00 \\\\u0000"}', {"a": "\U0001f600 \\u0000"}),
        (b'{"wei": 1000000000000000000000}', {"wei": 10**21}),
        (b'{"a": 1, "a": 2.50, "id": "5e400-0e+999"}', {"a": 2.5, "id": "5e400-0e+999"}),
        (b'{"most": 1.7976931348623157e308}', {"most": 1.7976931348623157e308}),
        ('{"a": "\ufffd\\u00e9"}'.encode(), {"a": "\ufffd\u00e9"}),
        (b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH, None),
    ],
)
def test_good_bodies_pass(raw: bytes, value: Any) -> None:
    """Empty bodies are empty objects, and escapes that only look like trouble are fine."""
    assert value is None or parse_object(raw) == value


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _JSON), st.booleans())
def test_every_body_is_accepted_as_it_is_or_refused(
    value: dict[str, Any], ascii_only: bool
) -> None:
    """A body without null characters and surrogates comes back as it was; others are refused."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    has_null = "\\u0000" in json.dumps(value).replace("\\\\", "")
    try:
        decoded = parse_object(text.encode("utf-8", "surrogatepass"))
    except InvalidParams:
        assert has_null
    else:
        assert not has_null
        assert decoded == value


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/v1/users/a%00b", (404, 422)),
        ("/v1/users/a%ff", (404, 422)),
        ("/v1/users/%ED%A0%80", (404, 422)),
        ("/v1/users/" + "x" * 300, (404, 422)),
        ("/v1/users/a%23b", (404, 422)),
        ("/v1/tenants/a%00b", (404, 422)),
        ("/v1/tenants/" + "x" * 300, (404, 422)),
    ],
)
async def test_strange_ids_in_paths(
    client: httpx.AsyncClient, path: str, statuses: tuple[int, int]
) -> None:
    """Reading a strange id finds nothing; writing it is refused; neither is a fault."""
    assert (await client.get(path)).status_code == statuses[0]
    assert (await client.put(path, json={"name": "x"})).status_code == statuses[1]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages/{}",
        "/v1/messages/{}/content",
        "/v1/messages/{}/events",
        "/v1/messages/{}/activities",
        "/v1/messages/{}/delivery_logs",
        "/v1/workflow_recipient_runs/{}",
        "/v1/users/{}",
        "/v1/tenants/{}",
        "/v1/users/x/feeds/{}",
        "/v1/users/x/feeds/{}/settings",
    ],
)
@pytest.mark.parametrize("identifier", ["unknown", "a%00", "%F0%28", "y" * 300])
async def test_unknown_ids_are_404(client: httpx.AsyncClient, path: str, identifier: str) -> None:
    """An id that nothing has is a 404 in Knock's shape, however strange it is."""
    response = await client.get(path.format(identifier))
    assert response.status_code == 404
    assert response.json()["code"] == "resource_missing"


@pytest.mark.parametrize(
    "query",
    [
        "page_size=x",
        "after=nonsense",
        "before=%00",
        "after=WzEsMV0",
        "status[]=lost",
        "status=%ff",
        "channel_id=x",
        "inserted_at[gt]=gt",
        "inserted_at[near]=2026-01-01",
        "inserted_at.gte=yesterday",
        "inserted_at.gte=0001-01-01T00:00:00%2B14:00",
        "trigger_data=trigger_data",
        'trigger_data={"a":{"b":1}}',
        'trigger_data={"a":"\\u0000"}',
        "tenant[]=a&tenant[]=b",
        "a[b][c][d][e]=1&tenant=" + "x" * 2000,
        "workflow_run_id=x",
        "&".join(f"message_ids[]={n}" for n in range(51)),
        "&".join(f"a{n}=1" for n in range(1100)),
    ],
)
async def test_bad_queries_are_422(client: httpx.AsyncClient, query: str) -> None:
    """A query that cannot be understood is a 422 that names the parameter, never a fault."""
    response = await client.get(f"/v1/messages?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")
    assert response.json()["errors"][0]["field"]


@pytest.mark.parametrize(("given_size", "used"), [("0", 1), ("-5", 1), ("1000", 50), ("7", 7)])
async def test_page_sizes_are_pulled_into_range(
    client: httpx.AsyncClient, given_size: str, used: int
) -> None:
    """A page size out of range is not refused but pulled into 1 to 50."""
    response = await client.get("/v1/messages", params={"page_size": given_size})
    assert response.json()["page_info"]["page_size"] == used
