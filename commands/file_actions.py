"""`carillon admin` for CSV files of users: members of audiences, recipients of broadcasts."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from api.admin.schemas.bulk import OpenBulkOut
from api.knock.bulk.schemas import BulkOperationOut
from commands.actions import Arguments, action, read_bytes
from commands.arguments import ENVIRONMENT, argument
from domain.bulk.csv_files import MAX_CSV_BYTES
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import PageRequest
from services.account.environments import get_scope
from services.bulk import accept, files
from services.bulk.accept import BulkView
from services.bulk.files import SentFile
from services.engine import Engine

_KEY = argument("key")
_FILE = argument("--file", type=Path, default=Path("-"), help="the CSV file (default: -)")
_MAP = argument(
    "--map",
    action="append",
    default=[],
    metavar="COLUMN=FIELD",
    help="meaning of a column: id, tenant_id, user.PROPERTY, data.NAME or ignore",
)


def _sent(arguments: Arguments) -> SentFile:
    mapping: JsonObject = {}
    for given in arguments.map:
        # A column may be called anything, a field may not.
        column, separator, field = given.rpartition("=")
        if not separator:
            raise InvalidParams.of("--map", f"{given!r} must be COLUMN=FIELD")
        mapping[column] = field
    return SentFile(read_bytes(arguments.file, MAX_CSV_BYTES), mapping)


def _shown(engine: Engine, view: BulkView, environment: str) -> JsonValue:
    address = engine.settings.public_address
    shown = BulkOperationOut.of(view, address=address, environment=environment)
    return shown.model_dump(mode="json")


@action(
    "audience-members-add",
    _KEY,
    ENVIRONMENT,
    _FILE,
    _MAP,
    argument("--create", action="store_true", help="create a static audience if there is none"),
)
async def add_members(engine: Engine, arguments: Arguments) -> JsonValue:
    """Add the users of a CSV file to a static audience."""
    environment = await get_scope(engine, arguments.environment)
    view = await files.add_listed_members(
        engine, environment, arguments.key, _sent(arguments), create=arguments.create
    )
    return _shown(engine, view, environment.slug)


@action("broadcast-recipients-set", _KEY, ENVIRONMENT, _FILE, _MAP)
async def set_recipients(engine: Engine, arguments: Arguments) -> JsonValue:
    """Set the recipients of a broadcast from a CSV file."""
    environment = await get_scope(engine, arguments.environment)
    view = await files.set_recipients(engine, environment, arguments.key, _sent(arguments))
    return _shown(engine, view, environment.slug)


@action("broadcast-recipients-remove", _KEY, ENVIRONMENT)
async def remove_recipients(engine: Engine, arguments: Arguments) -> JsonValue:
    """Send a broadcast to its audience or every user again, not to a CSV file."""
    environment = await get_scope(engine, arguments.environment)
    await files.remove_recipients(engine, environment, arguments.key)
    return None


@action("bulk-list", ENVIRONMENT, argument("--limit", type=int, default=50))
async def list_operations(engine: Engine, arguments: Arguments) -> JsonValue:
    """List bulk operations that are not over, and what holds them up, newest first."""
    environment = await get_scope(engine, arguments.environment)
    request = PageRequest(max(1, arguments.limit))
    page = await accept.list_open_operations(engine, environment, request)
    return [OpenBulkOut.of(operation).model_dump(mode="json") for operation in page.rows]


@action("bulk-stop", argument("id", type=UUID), ENVIRONMENT)
async def stop_operation(engine: Engine, arguments: Arguments) -> JsonValue:
    """Stop a bulk operation: it fails, and what it has done stays done."""
    environment = await get_scope(engine, arguments.environment)
    view = await accept.stop_operation(engine, environment, arguments.id)
    return _shown(engine, view, environment.slug)


@action("bulk-show", argument("id", type=UUID), ENVIRONMENT)
async def show_operation(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show the progress of a bulk operation, and what has failed."""
    environment = await get_scope(engine, arguments.environment)
    view = await accept.get_operation(engine, environment, arguments.id)
    return _shown(engine, view, environment.slug)
