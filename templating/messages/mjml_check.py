"""Whether MJML can be compiled, found out before it is sent: with Liquid in it, but no values.

What Liquid makes of a source is not known here. So the first branch of each `{% if %}` stands for
all, and a source whose branches open components that others close is not judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from templating.limits import LiquidError, Position
from templating.markup.mjml_compiler import TAG, MjmlError, OpenTags, mjml_to_html

# One that begins again before it ends is none; so each is looked through once.
_LIQUID = re.compile(
    r"\{\{(?:[^{}]++|\}(?!\})|\{(?!\{))*+\}\}"
    r"|\{%-?\s*+(?P<name>\w*+)(?:[^{%]++|%(?!\})|\{(?!%))*+%\}"
)
_BRANCHING = frozenset({"if", "unless", "case", "for", "tablerow", "ifchanged"})
_NEXT_BRANCH = frozenset({"else", "elsif", "when"})
# What is in them is not written where it stands.
_HIDDEN = frozenset({"capture", "comment", "doc"})
# Nothing stands for an output.
_WRITING = frozenset({"", "render", "echo", "liquid", "cycle", "t"})
_ROOT = re.compile(r"<mjml(?![\w-])")
_NOTHING = re.compile(r"(?:\s++|<!--(?:[^-]++|-(?!->))*+-->)*+")
_IN_PART = "<mjml><mj-body>"
_AFTER_PART = "</mj-body></mjml>"


@dataclass
class _Block:
    """A tag that is open.

    Attributes:
        ends: the tag that closes it.
        is_seen: whether what is around it is shown.
        branches: how many have begun; what is before the first of a `case` is nothing.
        tags: components of the branch.
    """

    ends: str
    is_seen: bool
    is_hidden: bool
    branches: int
    tags: OpenTags = field(default_factory=OpenTags)

    @property
    def is_shown(self) -> bool:
        """Tell whether what is written in it now is shown."""
        return self.is_seen and not self.is_hidden and self.branches == 1


def check_mjml(source: str, *, is_part: bool = False) -> MjmlError | None:
    """Return why MJML cannot be compiled, with the place; None where it can, or nobody knows.

    Args:
        source: whose Liquid has no faults.
        is_part: whether it stands in the body of another document.
    """
    plain = _without_liquid(source)
    if plain is None or (not is_part and _may_be_written(source, plain)):
        return None
    before, after = (_IN_PART, _AFTER_PART) if is_part else ("", "")
    try:
        mjml_to_html(f"{before}{plain}{after}")
    except LiquidError as error:  # one that becomes too long has no place
        at = error.at
        if at is not None and at.line == 1:
            at = Position(1, max(1, at.column - len(before)))
        return MjmlError(error.message, at)
    return None


def _may_be_written(source: str, plain: str) -> bool:
    """Tell whether Liquid may write the root of a document: before all else, or in a branch."""
    if _ROOT.search(plain):
        return False
    beginning = _NOTHING.match(plain)
    written = _LIQUID.finditer(source, 0, beginning.end() if beginning else 0)
    return bool(_ROOT.search(source)) or any((found["name"] or "") in _WRITING for found in written)


def _without_liquid(source: str) -> str | None:
    """Write blanks in the place of Liquid and of all but the first branch of each block.

    Returns None where only values tell which components there are.
    """
    parts: list[str] = []
    blocks: list[_Block] = []
    position = 0
    for found in _LIQUID.finditer(source):
        text, position = source[position : found.start()], found.end()
        if text.endswith(("=", "<", "</")):  # an attribute without quotes, or a name of a tag
            return None
        if not _read(text, blocks):
            return None
        is_shown = not blocks or blocks[-1].is_shown
        parts.append(text if is_shown else _blank(text))
        name = found["name"] or ""
        if name in _BRANCHING or name in _HIDDEN:
            begun = 0 if name == "case" else 1
            blocks.append(_Block(f"end{name}", is_shown, name in _HIDDEN, begun))
        elif blocks and name in _NEXT_BRANCH and not blocks[-1].is_hidden:
            if not blocks[-1].tags.is_balanced:
                return None
            blocks[-1].branches += 1
            blocks[-1].tags = OpenTags()
        elif blocks and name == blocks[-1].ends:
            closed = blocks.pop()
            if not closed.is_hidden and not closed.tags.is_balanced:
                return None
        parts.append(_blank(found[0]))
    return "".join([*parts, source[position:]])


def _read(text: str, blocks: list[_Block]) -> bool:
    """Take note of the components in a text; answers whether each can be told from Liquid."""
    if blocks:
        for tag in TAG.finditer(text):
            if tag["broken"]:
                return False
            if tag["comment"]:
                continue
            if tag["closing"]:
                blocks[-1].tags.close(tag["name"])
            elif not tag["is_empty"]:
                blocks[-1].tags.open(tag["name"])
    return True


def _blank(text: str) -> str:
    """Write as many blanks, in as many lines, so that all else stays where it is."""
    return re.sub(r"[^\n]", " ", text)
