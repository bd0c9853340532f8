"""The data of a run: what its trigger carried, and what its steps made of it.

Templates, conditions, messages, feeds and activities all see the same fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.kit.json_types import JsonObject


def run_data(
    trigger: Mapping[str, Any],
    recipient: Mapping[str, Any] | None,
    patches: Iterable[Mapping[str, Any]] = (),
) -> JsonObject:
    """Fold the data of a run; later parts win, whole keys at a time.

    Args:
        trigger: `data` of the trigger.
        recipient: `$trigger_data` of the run's recipient, one level deep as it is documented.
        patches: what steps recorded, in order.
    """
    data = {**trigger, **(recipient or {})}
    for patch in patches:
        data.update(patch)
    return data
