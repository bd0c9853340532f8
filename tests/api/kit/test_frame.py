"""What every request gets: authentication, ids, errors, limits, CORS, documents."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI, Request

from api.kit.auth import FeedKey, SecretKey, ServiceToken
from api.kit.bodies import read_object
from api.main import create_app
from runtime.settings import Settings
from services.engine import Engine
from tests.support.application import application
from tests.support.builders import T0, Builder, Environment


@pytest.fixture
def app(engine: Engine) -> FastAPI:
    """Return the application with the probes beside its own routes."""
    return application(engine, _probes)


def _probes(app: FastAPI) -> None:
    """Add routes that show what the frame did."""

    @app.get("/probe/secret")
    async def secret(principal: SecretKey) -> str:
        return principal.environment.slug

    @app.get("/probe/feed")
    async def feed(principal: FeedKey) -> str:
        return principal.kind

    @app.get("/probe/service")
    async def service(principal: ServiceToken) -> str:
        return principal.name

    @app.post("/probe/body")
    async def body(request: Request, principal: SecretKey) -> dict[str, int]:
        return {"members": len(await read_object(request))}

    @app.get("/probe/fault")
    async def fault() -> None:
        raise RuntimeError("broken")


def _as(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "authentication_required"),
        ("Bearer nonsense", "api_key_missing"),
        ("Basic abc", "api_key_missing"),
        ("Bearer ", "api_key_missing"),
        ("Bearer " + "x" * 5000, "api_key_missing"),
    ],
)
async def test_bad_credentials_are_refused(
    anonymous: httpx.AsyncClient, header: str | None, code: str
) -> None:
    """Without a valid key every operation answers 401 with the code that says why."""
    headers = {"authorization": header} if header else {}
    response = await anonymous.get("/probe/secret", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, code)


async def test_the_record_decides_the_kind_of_a_key(
    anonymous: httpx.AsyncClient, environment: Environment, make: Builder
) -> None:
    """A public key is refused where a secret key is needed, and let in where a browser may call."""
    public = _as(environment.public_key)
    refused = await anonymous.get("/probe/secret", headers=public)
    assert (refused.status_code, refused.json()["code"]) == (401, "incorrect_token_type")
    assert (await anonymous.get("/probe/feed", headers=public)).json() == "public"
    service = await anonymous.get("/probe/feed", headers=_as(await make.service_token()))
    assert service.json()["code"] == "incorrect_token_type"


async def test_expired_and_revoked_keys(
    anonymous: httpx.AsyncClient, environment: Environment, make: Builder
) -> None:
    """An expired key says so; a revoked one is as good as unknown, from the next request on."""
    expired = await make.api_key(environment.scope, "secret", expires_at=T0 - timedelta(days=1))
    revoked = await make.api_key(environment.scope, "secret", revoked_at=T0)
    codes = [
        (await anonymous.get("/probe/secret", headers=_as(key))).json()["code"]
        for key in (expired, revoked)
    ]
    assert codes == ["api_key_expired", "api_key_missing"]


async def test_service_tokens_open_only_the_management_api(
    anonymous: httpx.AsyncClient, environment: Environment, make: Builder
) -> None:
    """The Management API takes service tokens; an unknown one is a 400 as Knock's CLI expects."""
    good = await anonymous.get("/probe/service", headers=_as(await make.service_token()))
    unknown = await anonymous.get("/probe/service", headers=_as("nonsense"))
    api_key = await anonymous.get("/probe/service", headers=_as(environment.secret_key))
    assert good.json() == "ci"
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bearer_token_invalid")
    assert (api_key.status_code, api_key.json()["code"]) == (401, "incorrect_token_type")


@pytest.mark.parametrize("path", ["/_stainless_unknown_path", "/v1/nowhere", "/v1/x%00y"])
async def test_an_unknown_path_is_404_after_authentication(
    client: httpx.AsyncClient, path: str
) -> None:
    """Only a caller with a key is told that a path does not exist."""
    known = await client.get(path)
    assert (known.status_code, known.json()["code"]) == (404, "resource_missing")
    stranger = await client.get(path, headers={"authorization": "Bearer x"})
    assert stranger.status_code == 401


async def test_a_wrong_method_is_405(client: httpx.AsyncClient) -> None:
    """A path that exists answers another method with 405 in the error shape."""
    response = await client.patch("/probe/secret")
    assert (response.status_code, response.json()["status"]) == (405, 405)
    assert response.headers["allow"] == "GET, OPTIONS"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/users/x", "DELETE, GET, OPTIONS, PUT"),
        ("/v1/messages/x/seen", "DELETE, OPTIONS, PUT"),
        ("/v1/commits/x", "GET, OPTIONS"),
    ],
)
async def test_every_method_of_a_path_is_named(
    client: httpx.AsyncClient, path: str, methods: str
) -> None:
    """A wrong method and OPTIONS are told all methods, whatever routes they stand in."""
    wrong, options = await client.patch(path), await client.options(path)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, methods)
    assert (options.status_code, options.headers["allow"], options.content) == (204, methods, b"")


async def test_a_slash_at_the_end_is_not_a_path_of_its_own(client: httpx.AsyncClient) -> None:
    """Knock's Go client ends lists so; it is answered without a redirect, unlike an escaped one."""
    await client.put("/v1/users/ellie", json={"name": "Ellie"})
    assert (await client.get("/v1/users/?page_size=5")).json()["entries"][0]["id"] == "ellie"
    assert (await client.get("/v1/tenants/?")).status_code == 200
    assert (await client.get("/v1/users/ellie/")).json()["name"] == "Ellie"
    assert (await client.get("/v1/users/ellie%2F")).status_code == 404
    assert (await client.get("/v1/users/ellie//")).status_code == 404


async def test_a_fault_is_a_500_in_shape(client: httpx.AsyncClient) -> None:
    """A fault of ours is answered in Knock's shape, with a request id and without details."""
    response = await client.get("/probe/fault")
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "broken" not in response.text
    assert len(response.headers["x-request-id"]) == 20


async def test_every_response_has_its_own_request_id(client: httpx.AsyncClient) -> None:
    """Successes and errors carry a fresh id of 20 characters."""
    paths = ("/probe/secret", "/nowhere", "/health")
    ids = {(await client.get(path)).headers["x-request-id"] for path in paths}
    assert len(ids) == 3
    assert {len(one) for one in ids} == {20}


async def test_a_browser_may_call_from_anywhere(client: httpx.AsyncClient) -> None:
    """A preflight needs no key, and every answer to a browser names what it may read."""
    origin = {"origin": "https://app.example"}
    asks = {**origin, "access-control-request-method": "PUT"}
    preflight = await client.options("/v1/users/x", headers=asks)
    assert preflight.status_code == 204
    assert "X-Knock-User-Token" in preflight.headers["access-control-allow-headers"]
    refused = await client.get("/v1/users/nobody", headers=origin)
    assert refused.status_code == 404
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "x-ratelimited-message_ids" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in (await client.get("/v1/users/nobody")).headers


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("/v1/users/x", True),
        ("/v1/users/x/feeds/0fb8c480-19c3-4b1c-b771-0f8917236f74", True),
        ("/v1/messages/m/seen", True),
        ("/v1/messages/batch/archived", True),
        ("/v1/messages", False),
        ("/v1/workflows/welcome/trigger", False),
        ("/v1/workflow_recipient_runs", False),
        ("/v1/whoami", False),
        ("/v1/admin/api_keys", False),
        ("/nowhere", False),
    ],
)
async def test_only_paths_open_to_public_keys_are_for_browsers(
    client: httpx.AsyncClient, path: str, is_open: bool
) -> None:
    """A page that holds a secret key or a service token gets nowhere with it."""
    asks = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = await client.options(path, headers=asks)
    assert ("access-control-allow-origin" in answer.headers) is is_open


async def test_health_and_readiness(anonymous: httpx.AsyncClient) -> None:
    """A process is ready with its database; Temporal may be away."""
    assert (await anonymous.get("/health")).status_code == 200
    ready = await anonymous.get("/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "database": "reachable", "temporal": "away"}


async def test_not_ready_without_a_database(settings: Settings) -> None:
    """Without PostgreSQL the API starts, says that it is not ready, and answers 503."""
    away = settings.model_copy(update={"database_url": "postgresql://u@127.0.0.1:1/x"})
    app = create_app(away)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            # Each waits for the database for as long as it may.
            ready, refused = await asyncio.gather(
                client.get("/ready"), client.get("/v1/x", headers=_as("key"))
            )
    assert ready.status_code == 503
    assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")


async def test_the_bare_address_leads_to_the_documents(anonymous: httpx.AsyncClient) -> None:
    """A person who opens the printed address in a browser is not met by a 401."""
    response = await anonymous.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", ["/probe/secret", "/probe/feed"])
async def test_a_branch_is_refused_and_never_ignored(
    anonymous: httpx.AsyncClient, environment: Environment, path: str
) -> None:
    """`X-Knock-Branch` names content that is not here; to run other content would be worse."""
    headers = {**_as(environment.secret_key), "x-knock-branch": "feature"}
    response = await anonymous.get(path, headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "branch_not_found")
    assert response.json()["type"] == "invalid_request_error"


async def test_a_caller_who_leaves_is_no_fault(
    app: FastAPI, environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that ends while its body is read is not logged as a failure."""
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/probe/body",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {environment.secret_key}".encode())],
    }
    await app(scope, receive, send)
    assert sent == []
    assert "request_failed" not in caplog.text
