"""Preference sets of users and objects: list, get, set, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import (
    EngineDep,
    check_tenant,
    require_feed_key,
    require_identity_key,
    require_secret_key,
    tenants_of,
)
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer, read_body, read_both
from api.kit.strings import known_id, new_id_of
from api.knock.preferences.schemas import PreferenceSetOut
from api.knock.recipients.paths import OBJECT_PATH, USER_PATH, InPath, RecipientPath, both
from domain.kit.principals import Principal
from domain.preferences.names import tenant_of_set
from domain.preferences.requests import PreferenceSetIn
from domain.preferences.rows import Persistence
from domain.recipients.refs import RecipientRef
from services.preferences import sets

router = APIRouter(responses=ERROR_RESPONSES)


@dataclass(frozen=True, slots=True)
class Holder:
    """A kind of recipient whose preferences are read and written.

    Attributes:
        of: its path.
        reader: the dependency that lets keys through which may read.
        writer: the same for writing.
        limit: makes the dependency that limits an operation.
    """

    of: RecipientPath
    reader: Callable[..., Any]
    writer: Callable[..., Any]
    limit: Callable[[int], Any]

    @property
    def path(self) -> str:
        """Return what all operations stand under."""
        return f"{self.of.path}/preferences"


# Users tend to their own preferences from a browser; objects have none.
HOLDERS = (
    Holder(USER_PATH, require_feed_key, require_identity_key, feed_limit),
    Holder(OBJECT_PATH, require_secret_key, require_secret_key, secret_limit),
)


async def known_set(set_id: str) -> str:
    """Return the id of a set that is only looked up. Raises NotFound."""
    return known_id(set_id)


async def new_set(set_id: str) -> InPath[str]:
    """Return what reads the id of a set that is written."""
    return lambda: new_id_of(set_id, field="id")


def _add_reading(holder: Holder) -> None:
    of, has_tenant = holder.of, holder.of is USER_PATH
    query = (
        {"tenant": "Merge the set over the default of this tenant as well."} if has_tenant else None
    )

    @router.get(
        holder.path,
        name=f"list_{of.kind}_preference_sets",
        tags=[of.tag],
        response_model=list[PreferenceSetOut],
        dependencies=[holder.limit(4)],
    )
    async def list_preference_sets(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.reader),
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """List the preference sets that a recipient has, each merged with its defaults."""
        found = await sets.list_sets(engine, principal.environment, recipient)
        scope = tenants_of(request, principal)
        seen = [one for one in found if scope is None or scope.covers(tenant_of_set(one.id))]
        return answer([PreferenceSetOut.of(one) for one in seen])

    @router.get(
        f"{holder.path}/{{set_id}}",
        name=f"get_{of.kind}_preference_set",
        tags=[of.tag],
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(4)],
        openapi_extra=takes(query=query),
    )
    async def get_preference_set(
        request: Request,
        engine: EngineDep,
        query: QueryDep,
        principal: Principal = Depends(holder.reader),
        recipient: RecipientRef = Depends(of.known),
        set_id: str = Depends(known_set),
    ) -> JSONResponse:
        """Get a preference set, merged with the defaults of environment and tenant.

        The set is `default`, or the id of a tenant. One that was never set has the defaults alone.
        """
        tenant_id = query.text("tenant") if has_tenant else None
        if tenant_id is not None:
            check_tenant(request, principal, tenant_id)
        found = await sets.get_set(engine, principal.environment, recipient, set_id, tenant_id)
        return answer(PreferenceSetOut.of(found))


def _add_writing(holder: Holder) -> None:
    of = holder.of

    @router.put(
        f"{holder.path}/{{set_id}}",
        name=f"update_{of.kind}_preference_set",
        tags=[of.tag],
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(3)],
        openapi_extra=takes(PreferenceSetIn),
    )
    async def update_preference_set(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.writer),
        named: InPath[RecipientRef] = Depends(of.new),
        named_set: InPath[str] = Depends(new_set),
    ) -> JSONResponse:
        """Set a preference set: it replaces what is stored unless it asks to be merged."""
        (recipient, set_id), given = await read_both(
            both(named, named_set), read_body(request, PreferenceSetIn)
        )
        how = Persistence(given.persistence or Persistence.REPLACE)
        written = await sets.write_set(
            engine, principal.environment, recipient, set_id, given.content(), how=how
        )
        return answer(PreferenceSetOut.of(written))

    @router.delete(
        f"{holder.path}/{{set_id}}",
        name=f"delete_{of.kind}_preference_set",
        tags=[of.tag],
        status_code=204,
        dependencies=[secret_limit(3)],
    )
    async def delete_preference_set(
        engine: EngineDep,
        principal: Principal = Depends(require_secret_key),
        recipient: RecipientRef = Depends(of.known),
        set_id: str = Depends(known_set),
    ) -> Response:
        """Delete a preference set; the defaults then apply."""
        await sets.delete_set(engine, principal.environment, recipient, set_id)
        return Response(status_code=204)


for _holder in HOLDERS:
    _add_reading(_holder)
    _add_writing(_holder)
