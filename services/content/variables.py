"""Variables and branding of environments; they are not versioned and work at once.

Reading variables is Knock's Management API ("Variables"); writing is ours, where Knock has its
dashboard. The value of a secret one is sealed to its place, and no answer shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.content.variables import (
    BRANDING,
    MAX_VARIABLES,
    EffectiveVariable,
    Variable,
    VariableFilters,
    VariableRequest,
    Variables,
    VariableType,
    VariableValue,
    effective_branding,
    is_variable_key,
    read_value,
    texts_of,
)
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.account import environments as environment_queries
from models.queries.content import variables as queries
from models.queries.content.drafts import lock_publication
from providers.registry import MASK
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.vault import BrokenSeal, CannotOpen, UnknownKey, Vault
from services.engine import Engine, Unit
from services.overwriting import keep_unreadable

_log = get_logger(__name__)

# The member of a sealed document that holds the value.
_SEALED_VALUE = "value"


@dataclass(frozen=True, slots=True)
class VariableView:
    """A variable fit to be shown: the value of a secret one is masked.

    Attributes:
        value: the account's, or that of the environment that was asked for.
        environment_values: by slug, None where the account's counts; None when one environment was
            asked for.
    """

    key: str
    type: str
    description: str | None
    value: str | None
    environment_values: Mapping[str, str | None] | None
    inserted_at: datetime
    updated_at: datetime


async def list_variables(
    engine: Engine,
    environment: EnvironmentScope | None,
    filters: VariableFilters,
    request: PageRequest,
) -> Page[VariableView]:
    """Return a page of variables by key, with their values in one environment or in all."""
    async with engine.connection() as connection:
        page = await queries.list_variables(connection, filters, request)
        views = await _views(connection, page.rows, environment)
    return page.of(views)


async def get_variable(engine: Engine, key: str) -> VariableView:
    """Return one variable with its values in all environments. Raises NotFound."""
    async with engine.connection() as connection:
        variable = await queries.get_variable(connection, key)
        if variable is None:
            raise _missing(key)
        return (await _views(connection, [variable], None))[0]


async def put_variable(engine: Engine, key: str, wanted: VariableRequest) -> VariableView:
    """Create a variable, or change what is given of it. What is sealed is sealed anew.

    Raises:
        InvalidParams: the key or an environment is wrong, the type would change, or there are too
            many variables.
        Unprocessable: `sealed_with_other_key`.
    """
    if not is_variable_key(key):
        raise InvalidParams.of(
            "key",
            "may contain letters, digits, _ and -, must not begin with a digit, and must not be "
            "reserved",
        )
    async with engine.unit() as unit:
        await lock_publication(unit.connection)
        known = await queries.get_variable(unit.connection, key, lock=True)
        if known is None and await queries.count_variables(unit.connection) >= MAX_VARIABLES:
            raise InvalidParams.of("key", f"an account has at most {MAX_VARIABLES} variables")
        if known is not None and "type" in wanted.model_fields_set and wanted.type != known.type:
            raise InvalidParams.of("variable.type", "cannot change; delete the variable first")
        kind = wanted.type.value if known is None else known.type
        variable = known or Variable(key, kind, None, None, None, unit.now, unit.now)
        if "description" in wanted.model_fields_set:
            variable = replace(variable, description=wanted.description)
        if "value" in wanted.model_fields_set and not _is_mask(kind, wanted.value):
            _keep_unreadable(unit, key, variable.sealed_value, wanted)
            value, sealed = _stored(engine.vault, kind, key, None, wanted.value)
            variable = replace(variable, value=value, sealed_value=sealed)
        await queries.put_variable(unit.connection, replace(variable, updated_at=unit.now))
        await _put_values(unit, variable, wanted)
        await _seal_anew(unit, key)
        stored = await queries.get_variable(unit.connection, key)
        if stored is None:
            raise _missing(key)
        return (await _views(unit.connection, [stored], None))[0]


async def remove_variable(engine: Engine, key: str) -> None:
    """Remove a variable with its values; templates see nothing in its place. Raises NotFound."""
    async with engine.unit() as unit:
        await lock_publication(unit.connection)
        if not await queries.remove_variable(unit.connection, key):
            raise _missing(key)


async def get_branding(engine: Engine, environment: EnvironmentScope) -> JsonObject:
    """Return the branding of an environment as templates see it."""
    async with engine.connection() as connection:
        return effective_branding(await queries.get_branding(connection, environment.id))


async def put_branding(
    engine: Engine, environment: EnvironmentScope, branding: JsonObject
) -> JsonObject:
    """Set the branding of an environment as a whole; return it as templates see it."""
    async with engine.unit() as unit:
        await lock_publication(unit.connection, [environment.id])
        await queries.put_branding(unit.connection, environment.id, branding, unit.now)
    return effective_branding(branding)


async def load_variables(connection: Connection, vault: Vault, environment_id: UUID) -> Variables:
    """Open all variables of an environment.

    One that can never be opened again is nothing to templates, and logged. One whose key is
    missing here is named, so that whoever needs it can wait.
    """
    values: JsonObject = {}
    public: JsonObject = {}
    secrets: list[str] = []
    missing_key = None
    for stored in await queries.effective_variables(connection, environment_id):
        text = stored.value
        if stored.sealed_value is not None:
            try:
                text = _open(vault, stored)
            except UnknownKey as error:
                missing_key = error.key_id
            except BrokenSeal as error:
                _log.error("sealed_value_broken", place=_place_of(stored), detail=str(error))
        values[stored.key] = read_value(text)
        if stored.type == VariableType.PUBLIC:
            public[stored.key] = values[stored.key]
        elif text is not None:
            secrets.extend(texts_of(text))
    branding = await queries.get_branding(connection, environment_id)
    values[BRANDING] = effective_branding(branding)
    return Variables(values, public, tuple(dict.fromkeys(secrets)), missing_key)


async def list_unreadable_variables(connection: Connection, vault: Vault) -> list[str]:
    """Return the secret variables that cannot be opened with the keys of this process."""
    unreadable: dict[str, None] = {}
    for stored in await queries.list_sealed(connection):
        try:
            _open(vault, stored)
        except CannotOpen:
            unreadable[f"variable {stored.key}"] = None
    return list(unreadable)


def _keep_unreadable(unit: Unit, key: str, sealed: bytes | None, wanted: VariableRequest) -> None:
    """Refuse to write over a value that cannot be read here. Raises Unprocessable."""
    replace = wanted.replace_unreadable
    keep_unreadable(unit.engine.vault, sealed, f"the variable {key}", replace=replace)


async def _put_values(unit: Unit, variable: Variable, wanted: VariableRequest) -> None:
    """Write what environments are given of a variable; null lets them have the account's again."""
    given = wanted.environment_values
    if not given:
        return
    stored = await queries.values_of(unit.connection, [variable.key])
    sealed_here = {each.environment: each.sealed_value for each in stored}
    found = await environment_queries.all_environments(unit.connection)
    environments, errors = {each.slug: each for each in found}, []
    for slug, text in given.items():
        environment = environments.get(slug)
        if environment is None:
            message = "no such environment exists"
            errors.append(FieldError(f"variable.environment_values.{slug[:255]}", message))
        elif text is None:
            await queries.remove_value(unit.connection, environment.id, variable.key)
        elif not _is_mask(variable.type, text):
            _keep_unreadable(unit, variable.key, sealed_here.get(slug), wanted)
            value, sealed = _stored(
                unit.engine.vault, variable.type, variable.key, environment.id, text
            )
            written = VariableValue(environment.id, slug, variable.key, value, sealed)
            await queries.put_value(unit.connection, written)
    if errors:
        raise InvalidParams(errors)


async def _seal_anew(unit: Unit, key: str) -> None:
    """Seal with the first key what older ones have sealed, so that those can be dropped."""
    vault = unit.engine.vault
    for stored in await queries.list_sealed(unit.connection, key):
        try:
            sealed = vault.seal({_SEALED_VALUE: _open(vault, stored)}, _place_of(stored))
        except CannotOpen:
            continue  # it may open with a key that this process does not have
        await queries.seal_anew(unit.connection, key, stored.environment_id, sealed)


async def _views(
    connection: Connection, variables: Sequence[Variable], environment: EnvironmentScope | None
) -> list[VariableView]:
    found = await queries.values_of(connection, [variable.key for variable in variables])
    slugs = await environment_queries.list_slugs(connection) if environment is None else []
    return [
        _view(variable, [one for one in found if one.key == variable.key], environment, slugs)
        for variable in variables
    ]


def _view(
    variable: Variable,
    own: Iterable[VariableValue],
    environment: EnvironmentScope | None,
    slugs: Sequence[str],
) -> VariableView:
    shown = {one.environment: _shown(one) for one in own}
    value = _shown(variable)
    everywhere: dict[str, str | None] | None = None
    if environment is None:
        everywhere = {slug: shown.get(slug) for slug in slugs}
    else:
        value = shown.get(environment.slug, value)
    return VariableView(
        key=variable.key,
        type=variable.type,
        description=variable.description,
        value=value,
        environment_values=everywhere,
        inserted_at=variable.inserted_at,
        updated_at=variable.updated_at,
    )


def _shown(stored: Variable | VariableValue) -> str | None:
    return stored.value if stored.sealed_value is None else MASK


def _is_mask(kind: str, text: str | None) -> bool:
    return kind == VariableType.SECRET and text == MASK


def _stored(
    vault: Vault, kind: str, key: str, environment_id: UUID | None, text: str | None
) -> tuple[str | None, bytes | None]:
    """Return a value as it is stored: readable, or sealed."""
    if kind != VariableType.SECRET or text is None:
        return text, None
    return None, vault.seal({_SEALED_VALUE: text}, _place(key, environment_id))


def _open(vault: Vault, stored: EffectiveVariable) -> str:
    document: dict[str, Any] = vault.open(stored.sealed_value or b"", _place_of(stored))
    return str(document[_SEALED_VALUE])


def _place_of(stored: EffectiveVariable) -> str:
    return _place(stored.key, stored.environment_id)


def _place(key: str, environment_id: UUID | None) -> str:
    return f"variables/{key}/{environment_id or 'account'}"


def _missing(key: str) -> NotFound:
    return NotFound(f"The variable {key[:255]!r} does not exist.")
