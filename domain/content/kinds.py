"""The kinds of content that this version knows. A new kind is one file beside this, and a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.content.audience import AUDIENCE
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.goal import GOAL
from domain.content.guide import GUIDE
from domain.content.kind import KindOfContent
from domain.content.message_type import MESSAGE_TYPE
from domain.content.partial import PARTIAL
from domain.content.translation import TRANSLATION
from domain.content.workflow import WORKFLOW

KINDS: Mapping[str, KindOfContent[Any]] = {
    kind.name.value: kind
    for kind in (WORKFLOW, EMAIL_LAYOUT, AUDIENCE, PARTIAL, TRANSLATION, MESSAGE_TYPE, GUIDE, GOAL)
}
