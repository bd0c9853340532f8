"""The Management API and the admin API under input that no honest client sends."""

from __future__ import annotations

import httpx

from tests.support.account import Account
from tests.support.hostile import send_all


async def test_no_input_is_a_fault(management: httpx.AsyncClient, account: Account) -> None:
    """Whatever is sent, the answer is no fault of ours, in Knock's shape, with a request id."""
    commit, *_ = (await management.get("/v1/commits")).json()["entries"]
    key, *_ = (await management.get("/v1/admin/api_keys")).json()["entries"]
    known = {
        "key": "welcome",
        "slug": "development",
        "commit_id": commit["id"],
        "key_id": key["id"],
    }
    assert {200, 404, 405, 422} <= await send_all(management, "management", known)
    assert len(await account.rows("SELECT 1 FROM environments")) == 2
