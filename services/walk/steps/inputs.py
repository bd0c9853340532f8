"""What a step gives to a request that others send too: rendered, and judged by its JSON Schema.

Source: Knock docs, "Fetch function" ("Reusable fetch functions") and "Webhook channels" ("Define
request inputs").
"""

from __future__ import annotations

import json
from uuid import UUID

from domain.channels.kind import INPUT_SCHEMA
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject, encoded, encoded_size
from domain.workflows.steps.channel import ChannelStep
from services.content.catalog import ConfiguredChannel
from services.content.fitting import fitted
from services.json_schemas import compile_schema
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.texts import render_settings
from templating.liquid.typed import ObjectTemplate


async def give_inputs(
    walk: Walk, written: JsonObject | None, schema: JsonObject | None, schema_id: UUID | None
) -> None:
    """Render what a request is given, and let its templates and conditions see it as `inputs`.

    Args:
        walk: whose variables the inputs see.
        written: the inputs, with their Liquid.
        schema: of what it takes; None takes anything.
        schema_id: names a schema that does not change, so that it is compiled once.

    Raises:
        ContentError: the Liquid is broken, or the request takes other inputs.
    """
    with blaming("template"):
        given = ObjectTemplate(json.dumps(written or {}), "inputs")
    inputs = await render_settings(walk, given.sources, given.render)
    if schema is not None:
        inputs = fitted(inputs, schema)
        try:
            compiled = (
                compile_schema(schema)
                if schema_id is None
                else walk.unit.engine.json_schemas.get(schema_id, schema)
            )
        except ValueError as error:
            text = "the JSON Schema of its inputs cannot be used: save it again"
            raise ContentError("request", text, is_final=True) from error
        size = encoded_size(inputs)
        wrong = await compiled.violations(inputs, size, "inputs", shown=walk.journal.shown)
        if wrong:
            raise ContentError("request", str(wrong[0]), is_final=True)
    walk.inputs = {"inputs": inputs}


async def give_to_channel(walk: Walk, step: ChannelStep, channel: ConfiguredChannel | None) -> None:
    """Render what a step gives to its channel, as the channel takes it in this environment.

    Raises:
        ContentError: see `give_inputs`.
    """
    schema, schema_id = None, None
    if channel is not None and isinstance(channel.settings.get(INPUT_SCHEMA), dict):
        schema = channel.settings[INPUT_SCHEMA]
        # It changes with the settings of the channel, which have no versions.
        schema_id = derived_id(channel.id, encoded(schema).hex())
    await give_inputs(walk, step.inputs, schema, schema_id)
