"""Renders the settings of a provider that see the run, such as the signing key of a webhook.

Source: Knock docs, "Webhook channels" ("Using a dynamic signing key").
"""

from __future__ import annotations

from functools import partial

from domain.channels.kinds import CHANNEL_KINDS
from runtime.vault import BrokenSeal
from services.channels.sealing import open_provider_settings
from services.content.catalog import ConfiguredChannel
from services.walk.context import Walk
from services.walk.texts import render_settings
from templating.limits import LiquidError
from templating.liquid.environment import render_text
from templating.liquid.renderer import Renderer


async def settings_of_run(walk: Walk, channel: ConfiguredChannel) -> dict[str, str] | str:
    """Return what the run says of a provider's settings; or why nothing is sent.

    What variables alone say of one is left out: that is filled in at each attempt, with what they
    say then.

    Raises:
        ContentError: the Liquid of one is broken.
        UnknownKey: the key that they were encrypted with is missing here.
    """
    names = CHANNEL_KINDS[channel.channel_type].run_settings
    if not names:
        return {}
    vault, owner = walk.unit.engine.vault, (channel.id, walk.run.environment_id)
    try:
        settings = open_provider_settings(vault, channel.provider_settings, *owner)
    except BrokenSeal:
        return {}  # The delivery tells the operator that they have to be set again.
    said: dict[str, str] = {}
    for name in sorted(names & settings.keys()):
        source = settings[name]
        if not isinstance(source, str):
            continue
        text, by_variables = await render_settings(
            walk, [source], partial(_rendered, walk, source, name)
        )
        if not text.strip():
            return f"the {name.replace('_', ' ')} is empty"
        if text != by_variables:
            said[name] = text
    return said


def _rendered(walk: Walk, source: str, name: str, out: Renderer) -> tuple[str, str | None]:
    """Return what a setting renders to for the run, and what with variables alone."""
    text = out.text(source, name)
    variables = {"vars": walk.configuration.variables.values}
    try:
        return text, render_text(source, variables, walk.limits)
    except LiquidError:
        return text, None
