"""Variables: list, get. They are written through the admin API."""

from __future__ import annotations

from typing import Literal, Self

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id
from api.management.requests import PAGE_HELP, SCOPE_HELP, read_limit, read_scope
from domain.content.variables import VariableFilters, VariableType
from domain.kit.answers import LeftOut, Moment, Out
from services.content import variables
from services.content.variables import VariableView

router = APIRouter(prefix="/v1/variables", tags=["Variables"], responses=ERROR_RESPONSES)


class VariableOut(Out):
    """A variable; the value of a secret one is masked."""

    key: str
    type: Literal["public", "secret"]
    description: str | None
    value: str | None = Field(
        description=(
            "The value in the requested environment; otherwise that of environments "
            "without one of their own."
        )
    )
    environment_values: LeftOut[dict[str, str | None]] = Field(
        None, description="By slug; left out if one environment was requested."
    )
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: VariableView) -> Self:
        """Write a variable."""
        everywhere = view.environment_values
        return cls(
            key=view.key,
            type="secret" if view.type == VariableType.SECRET else "public",
            description=view.description,
            value=view.value,
            environment_values=None if everywhere is None else dict(everywhere),
            inserted_at=view.inserted_at,
            updated_at=view.updated_at,
        )


@router.get(
    "",
    response_model=PlainEntriesOut[VariableOut],
    openapi_extra=takes(
        query={
            **SCOPE_HELP,
            "environment": "Slug of an environment. Default: the values of all environments.",
            **filter_parameters(VariableFilters, PAGE_HELP),
        }
    ),
)
async def list_variables(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List variables by key."""
    is_one = query.text("environment") is not None or query.text("branch") is not None
    page = await variables.list_variables(
        engine,
        await read_scope(engine, query) if is_one else None,
        *read_list(query, VariableFilters, BY_ID, page=read_limit),
    )
    return answer(PlainEntriesOut[VariableOut].of(page, map(VariableOut.of, page.rows)))


@router.get("/{key}", response_model=VariableOut)
async def get_variable(key: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get one variable with its values in every environment."""
    return answer(VariableOut.of(await variables.get_variable(engine, known_id(key))))
