"""Signing keys and enhanced security over the admin API."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from runtime.user_token_keys import public_half
from tests.support.account import Account
from tests.support.user_tokens import signed, signing_key

BASE = "/v1/admin/environments/production"
KEYS = f"{BASE}/signing_keys"


def _browser(account: Account, token: str | None = None) -> dict[str, str]:
    headers = {"authorization": f"Bearer {account.keys.environments['production'].public_key}"}
    return headers if token is None else {**headers, "x-knock-user-token": token}


async def _status(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.get("/v1/users/ellie/preferences", headers=headers)).status_code


async def test_a_key_made_here_signs_until_it_is_revoked(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Its private half is shown once; several keys are good at a time."""
    made = (await management.post(KEYS, json={"name": "Web"})).json()["signing_key"]
    token = signed("ellie", made["signing_key"])
    assert await _status(management, _browser(account, token)) == 200
    seeded = account.keys.environments["production"].signing_key
    assert await _status(management, _browser(account, signed("ellie", seeded))) == 200

    listed = (await management.get(KEYS)).json()["entries"]
    assert [(one["name"], "signing_key" in one) for one in listed] == [
        ("Web", False),
        ("Seed", False),
    ]
    assert (await management.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert await _status(management, _browser(account, token)) == 401
    assert (await management.delete(f"{KEYS}/{made['id']}")).status_code == 404


async def test_a_key_is_good_in_its_environment_alone(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Development's key signs nothing for production."""
    other = account.keys.environments["development"].signing_key
    assert await _status(management, _browser(account, signed("ellie", other))) == 401


@pytest.mark.parametrize("form", ["private", "public", "base64"])
async def test_a_key_of_ones_own_is_taken(
    management: httpx.AsyncClient, account: Account, form: str
) -> None:
    """In whatever form people have it, so that who moves here may go on with the key they have."""
    own = signing_key("own")
    given = {
        "private": own,
        "public": public_half(own),
        "base64": base64.b64encode(own.encode()).decode(),
    }[form]
    stored = await management.post(KEYS, json={"public_key": given})
    assert stored.json()["signing_key"].keys() == {"id", "name", "public_key", "created_at"}
    assert await _status(management, _browser(account, signed("ellie", own))) == 200
    again = await management.post(KEYS, json={"public_key": given})
    assert (again.status_code, again.json()["code"]) == (422, "signing_key_exists")


def _pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense!",
        base64.b64encode(b"nonsense").decode(),
        "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
        _pem(ec.generate_private_key(ec.SECP256R1())),
        _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        rsa.generate_private_key(public_exponent=65537, key_size=1024)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
)
async def test_what_is_no_key_is_refused(management: httpx.AsyncClient, given: str) -> None:
    """Only RSA keys of a length that protects are taken."""
    refused = await management.post(KEYS, json={"public_key": given})
    assert refused.json()["errors"][0]["field"] == "public_key"


async def test_an_environment_has_ten_keys_at_most(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Each token is tried with all of them; an end of one makes room."""
    await account.rows(
        "INSERT INTO signing_keys (id, environment_id, name, public_key, inserted_at)"
        " SELECT gen_random_uuid(), environment_id, 'x', 'key ' || n, inserted_at"
        " FROM signing_keys, generate_series(1, 9) n"
        " WHERE environment_id = (SELECT id FROM environments WHERE slug = 'production')"
    )
    refused = await management.post(KEYS, json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_signing_keys")
    last = (await management.get(KEYS)).json()["entries"][-1]
    await management.delete(f"{KEYS}/{last['id']}")
    assert (await management.post(KEYS, json={})).status_code == 200


async def test_who_must_prove_who_they_are(management: httpx.AsyncClient, account: Account) -> None:
    """Outside development everybody, unless an operator says otherwise."""
    slugs = ("development", "production")
    said = [
        (await management.get(f"/v1/admin/environments/{slug}/security")).json()["security"]
        for slug in slugs
    ]
    assert said == [
        {"enhanced_security": None, "requires_user_token": False},
        {"enhanced_security": None, "requires_user_token": True},
    ]
    assert await _status(management, _browser(account)) == 401
    answered = await management.put(f"{BASE}/security", json={"enhanced_security": False})
    assert answered.json()["security"]["requires_user_token"] is False
    assert await _status(management, _browser(account)) == 200
    refused = await management.put(f"{BASE}/security", json={})
    assert refused.json()["errors"][0]["field"] == "enhanced_security"
