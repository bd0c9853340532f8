"""Admin API, CSV files of users, which Knock takes in its dashboard alone.

Source: Knock docs, "Audiences" and "Broadcasts".
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_file
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, refusals, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.strings import known_id, new_id_of
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from domain.bulk.csv_files import MAX_CSV_BYTES
from domain.kit.violations import Violations
from services.account.environments import get_scope
from services.bulk import files
from services.bulk.files import SentFile

router = APIRouter(
    prefix="/v1/admin/environments/{slug}", tags=["Admin: files"], responses=ERROR_RESPONSES
)
_MEMBERS = {"text/csv": "id,tenant_id,name,plan\nada,acme,Ada,pro\ngrace,,Grace,free\n"}
_RECIPIENTS = {"text/csv": "id,name,data.voucher\nada,Ada,SUMMER-71\n"}
_MAPPING = {
    "mapping": Param(
        "The meaning of columns, by their names in the first line: a JSON object, or "
        "`mapping[name]=…`. Each is `id`, `tenant_id`, `user.` and a property, `data.` and a "
        "name (for a broadcast), or `ignore`. A column that is not mapped means what it is "
        "called, or a property of the user.",
        {"type": "string"},
    )
}
_NOT_STATIC = refusals({422: "audience_not_static"})
_NOT_DRAFT = refusals({422: "broadcast_not_draft"})
_NOT_TAKEN = refusals({422: "broadcast_not_draft, broadcast_has_audience"})


async def _sent(request: Request, query: Query) -> SentFile:
    violations = Violations()
    mapping = violations.read(query.json_object, "mapping") or {}
    content = await violations.wait_for(read_file(request, MAX_CSV_BYTES))
    violations.raise_any()
    return SentFile(content, mapping)


@router.post(
    "/audiences/{key}/members",
    response_model=BulkOperationOut,
    responses=_NOT_STATIC,
    openapi_extra=takes(
        file=_MEMBERS,
        query={
            **_MAPPING,
            "create_audience": boolean("Create a static audience if there is none."),
        },
    ),
)
async def add_members_from_file(
    slug: str,
    key: str,
    request: Request,
    _token: ServiceToken,
    engine: EngineDep,
    query: QueryDep,
) -> JSONResponse:
    """Add the users of a CSV file of up to 10 MB to a static audience.

    They are identified first; users who enter it trigger its workflows. Rows without a usable id
    are skipped, and reported with their lines.
    """
    environment = await get_scope(engine, known_id(slug))
    violations = Violations()
    create = violations.read(query.boolean, "create_audience") or False
    audience_key = violations.read(new_id_of, key, field="key")
    sent = await violations.wait_for(_sent(request, query))
    violations.raise_any()
    view = await files.add_listed_members(engine, environment, audience_key, sent, create=create)
    return answer_bulk(request, view, environment=environment.slug)


@router.get("/broadcasts/{key}/recipients", response_model=BulkOperationOut)
async def get_recipients_file(
    slug: str, key: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Get the progress of reading the CSV file with the recipients of a broadcast."""
    environment = await get_scope(engine, known_id(slug))
    view = await files.get_recipients(engine, environment, known_id(key))
    return answer_bulk(request, view, environment=environment.slug)


@router.put(
    "/broadcasts/{key}/recipients",
    response_model=BulkOperationOut,
    responses=_NOT_TAKEN,
    openapi_extra=takes(file=_RECIPIENTS, query=_MAPPING),
)
async def put_recipients_file(
    slug: str,
    key: str,
    request: Request,
    _token: ServiceToken,
    engine: EngineDep,
    query: QueryDep,
) -> JSONResponse:
    """Set the recipients of a broadcast from a CSV file of up to 10 MB.

    They are identified first, and each receives the broadcast once per tenant. The file replaces an
    earlier one; the broadcast can be sent once it has been read completely.
    """
    environment = await get_scope(engine, known_id(slug))
    sent = await _sent(request, query)
    view = await files.set_recipients(engine, environment, known_id(key), sent)
    return answer_bulk(request, view, environment=environment.slug)


@router.delete("/broadcasts/{key}/recipients", status_code=204, responses=_NOT_DRAFT)
async def delete_recipients_file(
    slug: str, key: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Remove the CSV file of a broadcast, which then goes to its audience or to every user."""
    environment = await get_scope(engine, known_id(slug))
    await files.remove_recipients(engine, environment, known_id(key))
    return Response(status_code=204)
