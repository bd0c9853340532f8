"""Guides: list, get, upsert, validate, archive, activate."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import Param, boolean, instant, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.content.annotations import wants_annotations
from api.management.content.resource import ANNOTATE_HELP, ContentOut, ContentResource
from api.management.requests import (
    ANYWHERE_HELP,
    SCOPE_HELP,
    read_named_environment,
    read_scope,
)
from domain.content.guide import GUIDE, GuideStep, UrlPattern
from domain.kit.answers import LeftOut, Moment
from domain.kit.errors import InvalidParams
from domain.kit.pages import Page
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import DocumentedAs, Instant, Shape
from domain.kit.violations import Violations
from services.content import archiving
from services.content.drafts import ContentView, switch_content
from services.content.value_schemas import with_schemas
from services.engine import Engine


class GuideStepOut(GuideStep):
    """A step as it is read."""

    json_schema: dict[str, Any] | None = Field(
        None, description="JSON Schema of its values, if requested with `include_json_schema`."
    )


class GuideOut(ContentOut):
    """A guide as it is read."""

    follows: ClassVar[frozenset[str]] = frozenset({"type", "semver"})

    name: Annotated[Any, DocumentedAs(str)]
    channel_key: Annotated[Any, DocumentedAs(str)]
    description: Annotated[Any, DocumentedAs(str | None)]
    tags: Annotated[Any, DocumentedAs(list[str])]
    type: str = Field(description="The message type of its first step.")
    semver: str = Field(description="The version of that message type.")
    steps: Annotated[Any, DocumentedAs(list[GuideStepOut])]
    activation_url_patterns: Annotated[Any, DocumentedAs(list[UrlPattern])]
    target_audience_key: Annotated[Any, DocumentedAs(str | None)]
    strict_tenancy: LeftOut[bool] = Field(
        None, description="Members of the audience count only for their tenant."
    )
    scope: LeftOut[str] = Field(
        None, description="`per_tenant`: engagement counts only for its tenant."
    )
    target_property_conditions: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    guide_audience_conditions: None = Field(
        None, description="Always null: see `target_property_conditions`."
    )
    goal_attachment: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    active: bool = Field(description="Whether it is switched on in this environment.")
    active_from: LeftOut[Moment] = Field(None, description="It is shown from then on.")
    active_until: LeftOut[Moment] = Field(None, description="It is shown until then.")
    valid: bool = Field(description="Whether everything that it refers to exists.")
    archived_at: Moment | None = None
    deleted_at: Moment | None = None

    @classmethod
    def beside(cls, view: ContentView[Any]) -> dict[str, Any]:
        """Return its type, whether and when it is switched on, and whether it is valid."""
        return {
            "type": view.document.type,
            "semver": view.document.semver,
            "active": view.active,
            "active_from": view.active_from,
            "active_until": view.active_until,
            "valid": view.valid,
        }


class GuideActivation(Shape):
    """Switch on or off, or on for some time; Knock's CLI sends this in the query."""

    status: bool | None = Field(None, description="Default: true.")
    begins_at: Instant | None = Field(None, alias="from", description="When it is switched on.")
    ends_at: Instant | None = Field(None, alias="until", description="When it is switched off.")


class GuideResource(ContentResource):
    """Guides, whose list tells of their values what the CLI makes types of."""

    list_help: ClassVar[dict[str, str | Param]] = {
        "include_json_schema": boolean("Add to each step the `json_schema` of its values.")
    }

    def wants_extras(self, query: Query) -> bool:
        """Tell whether schemas are asked for."""
        return query.boolean("include_json_schema") or False

    async def add_extras(
        self, engine: Engine, environment: EnvironmentScope, page: Page[ContentView[Any]]
    ) -> Page[ContentView[Any]]:
        """Add the schemas of values, by the message types as they are saved."""
        return page.of(await with_schemas(engine, environment, page.rows))


guides = GuideResource(GUIDE, GuideOut, tag="Guides")
router = guides.router


@router.put(
    "/{key}/activate",
    response_model=guides.body_out,
    openapi_extra=takes(
        GuideActivation,
        query={
            **SCOPE_HELP,
            **ANNOTATE_HELP,
            "status": boolean("The same as in the body."),
            "from": instant("The same as in the body."),
            "until": instant("The same as in the body."),
        },
    ),
)
async def activate_guide(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Switch a guide on or off in one environment, at once or for a period."""
    violations = Violations()
    given = await violations.wait_for(read_body(request, GuideActivation))
    status = violations.read(query.boolean, "status")
    begins_at, ends_at = (
        violations.read(query.instant, "from"),
        violations.read(query.instant, "until"),
    )
    violations.read(wants_annotations, request, query)
    violations.raise_any()
    if given.model_fields_set:  # Knock's CLI says it in the query.
        status, begins_at, ends_at = given.status, given.begins_at, given.ends_at
    if begins_at and ends_at and ends_at <= begins_at:
        raise InvalidParams.of("until", "must be after from")
    environment = await read_scope(engine, query)
    is_active = status is not False
    view = await switch_content(
        engine,
        environment,
        GUIDE,
        known_id(key),
        active=is_active,
        active_from=begins_at if is_active else None,
        active_until=ends_at if is_active else None,
    )
    return guides.wrapped(view, request, query)


@router.delete("/{key}", response_model=SuccessOut, openapi_extra=takes(query=ANYWHERE_HELP))
async def archive(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Archive a guide in all environments, permanently."""
    environment = await read_named_environment(engine, query)
    await archiving.archive(engine, environment, GUIDE.name, known_id(key))
    return answer(SuccessOut())
