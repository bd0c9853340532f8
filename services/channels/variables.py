"""Variables in the settings of providers (Knock docs: "Variables", "Integrations").

A setting may be Liquid, such as `{{ vars.smtp_password }}`: it is stored as it stands and rendered
whenever the provider is used, with the variables that its environment has then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.liquid import has_liquid
from models.queries.content.catalog import config_version
from outbound.redaction import texts_within
from runtime.vault import UnknownKey
from services.engine import Engine
from services.off_loop import off_loop
from templating.limits import DEFAULT_LIMITS, Budget, LiquidError
from templating.liquid.environment import is_quick, render_text


@dataclass(frozen=True, slots=True)
class Filled:
    """Settings with the values of variables in them.

    Attributes:
        settings: as the provider takes them.
        secrets: the secret variables, which no log may show wherever a setting has put them.
    """

    settings: JsonObject
    secrets: tuple[str, ...] = ()


async def fill_in(
    engine: Engine,
    environment_id: UUID,
    settings: JsonObject,
    *,
    of_run: Mapping[str, str] | None = None,
) -> Filled:
    """Render the settings of a provider.

    Args:
        engine: the parts of this process.
        environment_id: whose variables they see.
        settings: as they are stored.
        of_run: what the run of a message has rendered some of them to, which takes the place of
            their Liquid. What has none any more counts as it is.

    Raises:
        LiquidError: a setting is broken Liquid, or renders to nothing: a provider must not go on
            without, say, its signing key because a variable was removed.
        UnknownKey: the key of a secret variable is missing here.
    """
    said = {
        name: text
        for name, text in (of_run or {}).items()
        if isinstance(source := settings.get(name), str) and has_liquid(source)
    }
    settings = {name: value for name, value in settings.items() if name not in said}
    templates = [text for text in texts_within(settings) if has_liquid(text)]
    if not templates:
        return Filled({**settings, **said})
    async with engine.connection() as connection:
        version = await config_version(connection, environment_id)
        # The branch does not matter: variables are the environment's.
        configuration = await engine.catalog.configuration(
            connection, environment_id, version, branch_id=None
        )
    variables = configuration.variables
    if variables.missing_key is not None:
        raise UnknownKey(variables.missing_key)
    work = partial(_rendered, settings, variables.values)
    filled = work() if all(map(is_quick, templates)) else await off_loop(work)
    return Filled({**filled, **said}, variables.secrets)


def _rendered(settings: JsonObject, variables: Mapping[str, Any]) -> JsonObject:
    budget, scope = Budget(DEFAULT_LIMITS), {"vars": variables}

    def of(value: JsonValue, field: str) -> JsonValue:
        if isinstance(value, dict):
            return {name: of(member, f"{field}.{name}") for name, member in value.items()}
        if isinstance(value, list):
            return [of(member, f"{field}[{number}]") for number, member in enumerate(value)]
        if not isinstance(value, str) or not has_liquid(value):
            return value
        try:
            text = render_text(value, scope, budget=budget)
        except LiquidError as error:
            raise error.within(field) from None
        if not text.strip():
            raise LiquidError("renders to nothing", field=field)
        return text

    return {name: of(value, name) for name, value in settings.items()}
