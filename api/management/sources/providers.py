"""Source providers: list, get."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import ServiceToken
from api.kit.parameters import ERROR_RESPONSES, choices, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from domain.kit.answers import LeftOut, Out
from domain.kit.errors import NotFound
from domain.sources.actions import ActionType
from domain.sources.providers import PROVIDERS, VERSION, SourceProvider

router = APIRouter(prefix="/v1/source_providers", tags=["Sources"], responses=ERROR_RESPONSES)

_INCLUDED = (
    "branding",
    "default_action_mappings",
    "example_payloads",
    "preprocessing_script",
    "static_fields",
)


class ProviderNameOut(Out):
    """What a provider is called in a list."""

    name: str
    description: str


class ProviderSummaryOut(Out):
    """A provider in a list."""

    key: str
    version: str
    provider: ProviderNameOut


class ProvidersOut(Out):
    """All providers."""

    entries: list[ProviderSummaryOut]


class ProviderDetailsOut(ProviderNameOut):
    """What a provider is; links into Knock's own pages and pictures are null."""

    categories: list[str]
    website_url: str
    webhook_docs_url: str
    webhook_config_deep_link: None = None
    knock_tutorial_url: None = None
    branding: None = None


class DefaultSettingsOut(Out):
    """How a source of the provider works at first, in each environment."""

    event_type_path: str
    idempotency_key_path: str | None
    timestamp_path: str | None
    enforce_verification: bool


class DefaultMappingOut(Out):
    """What is done for an event at first."""

    event_type: str
    action_type: ActionType
    action_parameters: dict[str, Any]


class ProviderOut(Out):
    """A provider; no provider of ours has a script, pictures or fields of its own."""

    key: str
    version: str
    provider: ProviderDetailsOut
    default_settings: DefaultSettingsOut
    default_action_mappings: LeftOut[list[DefaultMappingOut]] = Field(
        None, description="Present only with `include[]`."
    )
    example_payloads: LeftOut[dict[str, list[dict[str, Any]]]] = Field(
        None, description="By type of event; present only with `include[]`."
    )
    static_fields: LeftOut[dict[str, Any]] = Field(
        None, description="Present only with `include[]`."
    )

    @classmethod
    def of(cls, one: SourceProvider, included: Collection[str]) -> Self:
        """Write a provider with what is wanted beside it."""
        return cls(
            key=one.key,
            version=VERSION,
            provider=ProviderDetailsOut(
                name=one.name,
                description=one.description,
                categories=list(one.categories),
                website_url=one.website_url,
                webhook_docs_url=one.webhook_docs_url,
            ),
            default_settings=DefaultSettingsOut(**one.settings),
            default_action_mappings=(
                [DefaultMappingOut(**mapping) for mapping in one.mappings]
                if "default_action_mappings" in included
                else None
            ),
            example_payloads=dict(one.examples) if "example_payloads" in included else None,
            static_fields={} if "static_fields" in included else None,
        )


@router.get("", response_model=ProvidersOut)
async def list_source_providers(_token: ServiceToken) -> JSONResponse:
    """List the services that a source can be created for, by key."""
    return answer(
        ProvidersOut(
            entries=[
                ProviderSummaryOut(
                    key=one.key,
                    version=VERSION,
                    provider=ProviderNameOut(name=one.name, description=one.description),
                )
                for one in PROVIDERS.values()
            ]
        )
    )


@router.get(
    "/{key}",
    response_model=ProviderOut,
    openapi_extra=takes(query={"include[]": choices("What to add.", _INCLUDED)}),
)
async def get_source_provider(key: str, _token: ServiceToken, query: QueryDep) -> JSONResponse:
    """Get what a source for a service starts with; named by `preconfigured_provider`."""
    found = PROVIDERS.get(key)
    if found is None:
        raise NotFound(f"The source provider {key[:255]!r} does not exist.")
    return answer(ProviderOut.of(found, query.texts("include", choices=_INCLUDED) or ()))
