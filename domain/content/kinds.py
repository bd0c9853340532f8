"""The kinds of content that this version knows. A new kind is one file beside this, and a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.content.audience import AUDIENCE
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.goal import GOAL
from domain.content.guide import GUIDE
from domain.content.kind import KindOfContent
from domain.content.message_type import MESSAGE_TYPE
from domain.content.partial import PARTIAL
from domain.content.reusable_request import REUSABLE_REQUEST
from domain.content.translation import TRANSLATION
from domain.content.workflow import WORKFLOW
from domain.kit.principals import EnvironmentScope

KINDS: Mapping[str, KindOfContent[Any]] = {
    kind.name.value: kind
    for kind in (
        WORKFLOW,
        EMAIL_LAYOUT,
        AUDIENCE,
        PARTIAL,
        REUSABLE_REQUEST,
        TRANSLATION,
        MESSAGE_TYPE,
        GUIDE,
        GOAL,
    )
}
# The kinds of which a branch has content of its own.
BRANCHED = tuple(name for name, kind in KINDS.items() if kind.is_branched)


def home_of(environment: EnvironmentScope, resource_type: str) -> UUID:
    """Return under which id content of a type is: that of a branch if it has its own, or not."""
    return environment.content_id if resource_type in BRANCHED else environment.id
