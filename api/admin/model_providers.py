"""Admin API, providers of language models: whom AI agent steps ask."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id, new_id_of
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.agents.model_providers import ModelProvider, ModelProviderRequest
from domain.kit.answers import Moment, Out
from services.account.environments import get_scope
from services.agents import model_providers
from services.agents.model_providers import SHOWN_KEY

router = APIRouter(
    prefix="/v1/admin/model_providers",
    tags=["Admin: model providers"],
    responses=ERROR_RESPONSES,
)


class ModelProviderOut(Out):
    """A provider of language models in one environment; its key is masked."""

    name: str
    adapter: str
    base_url: str | None
    api_key: str
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, stored: ModelProvider) -> Self:
        """Write a provider."""
        return cls(
            name=stored.name,
            adapter=stored.adapter,
            base_url=stored.base_url,
            api_key=SHOWN_KEY,
            created_at=stored.inserted_at,
            updated_at=stored.updated_at,
        )


class ModelProviderBodyOut(Out):
    """The provider as it is now."""

    model_provider: ModelProviderOut


@router.get(
    "",
    response_model=PlainEntriesOut[ModelProviderOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_model_providers(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the providers of an environment by name; keys are masked."""
    environment = await read_environment(engine, query)
    page = await model_providers.list_providers(engine, environment, read_limit(query, BY_ID))
    return answer(PlainEntriesOut[ModelProviderOut].of(page, map(ModelProviderOut.of, page.rows)))


@router.put(
    "/{name}/environments/{slug}",
    response_model=ModelProviderBodyOut,
    responses=refusals({422: "sealed_with_other_key"}),
    openapi_extra=takes(ModelProviderRequest, name="model_provider"),
)
async def put_model_provider(
    name: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set how the models of a provider are reached in one environment; takes effect at once."""
    wanted = await read_named(request, ModelProviderRequest, "model_provider")
    environment = await get_scope(engine, known_id(slug))
    stored = await model_providers.put_provider(
        engine, environment, new_id_of(name, field="name"), wanted
    )
    return answer(ModelProviderBodyOut(model_provider=ModelProviderOut.of(stored)))


@router.delete("/{name}/environments/{slug}", status_code=204)
async def delete_model_provider(
    name: str, slug: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Remove a provider; steps that use its models fail from then on."""
    environment = await get_scope(engine, known_id(slug))
    await model_providers.delete_provider(engine, environment, known_id(name))
    return Response(status_code=204)
