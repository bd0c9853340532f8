"""E-mail sources that are put together before they are rendered: declarations, layout and body.

They are rendered as one template, so that a layout sees what its body declares. An error is placed
in the field that has it, as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.content.email_layout import CONTENT
from templating.limits import LiquidError, Position
from templating.liquid.renderer import Renderer
from templating.liquid.scan import position_at
from templating.messages.blocks import Body

# Private-use characters fence the body in the rendered document, so that the text part can be
# made from the body alone although layout and body are rendered as one.
_BODY_START = "\ue0c1\ue0c2\ue0c1"
_BODY_END = "\ue0c2\ue0c1\ue0c2"
_DECLARATIONS = "settings.pre_content"


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of a field, as its author wrote it.

    Attributes:
        field: whose source it is a piece of.
        source: the whole of it.
        first, end: the piece.
    """

    field: str
    source: str
    first: int = 0
    end: int | None = None

    @property
    def text(self) -> str:
        """Return the piece."""
        return self.source[self.first : self.end]

    def place(self, offset: int) -> tuple[str, Position]:
        """Return the field, and where in it something stands, counted within the piece."""
        return self.field, position_at(self.source, self.first + offset)


@dataclass(frozen=True, slots=True)
class Made:
    """A piece that nobody wrote; what is wrong in it is the field's that asks for it."""

    field: str
    text: str

    def place(self, offset: int) -> tuple[str, None]:
        """Return the field; it has no place within it."""
        return self.field, None


@dataclass(frozen=True, slots=True)
class Inside:
    """The body."""

    body: Body

    @property
    def text(self) -> str:
        """Return its source."""
        return self.body.source

    def place(self, offset: int) -> tuple[str, Position | None]:
        """Return the field, and where in it something stands; of blocks only which of them."""
        at = position_at(self.body.source, offset)
        field, line = self.body.place_of(at.line)
        return field, Position(line, at.column) if self.body.is_written else None


Piece = Written | Made | Inside


def declared(source: str) -> Written:
    """Return the declarations that go before a template."""
    return Written(_DECLARATIONS, source)


def laid_out(field: str, layout: str, body: Body, styles: tuple[int, str] | None) -> list[Piece]:
    """Put a body into a layout, between fences.

    Args:
        field: of the layout.
        layout: its source.
        body: what stands where the layout says `{{ content }}`.
        styles: what is inserted into the layout, and where.

    Raises:
        LiquidError: the layout has no such place.
    """
    places = [found.span() for found in CONTENT.finditer(layout)]
    if not places:
        raise LiquidError("has no {{ content }}", field=field)
    inside: list[Piece] = [Made(field, _BODY_START), Inside(body), Made(field, _BODY_END)]
    cuts = [(first, end, inside) for first, end in places]
    if styles is not None:
        at, text = styles
        cuts.append((at, at, [Made(field, text)]))
    pieces: list[Piece] = []
    position = 0
    for first, end, inserted in sorted(cuts, key=lambda cut: cut[:2]):
        pieces += [Written(field, layout, position, first), *inserted]
        position = end
    return [*pieces, Written(field, layout, position)]


def render(renderer: Renderer, pieces: Iterable[Piece], field: str) -> str:
    """Render pieces as one template. Raises LiquidError with the field that has the fault."""
    pieces = [piece for piece in pieces if piece.text]
    source = "".join(piece.text for piece in pieces)
    try:
        return renderer.text(source, field)
    except LiquidError as error:
        if error.at is None:
            raise
        offset = _offset(source, error.at.line, error.at.column)
        raise _placed(error, pieces, offset) from error


def _offset(source: str, line: int, column: int) -> int:
    """Return where in a source a place is; its end for a place that it does not have."""
    begins = 0
    for _ in range(line - 1):
        begins = source.find("\n", begins) + 1
        if not begins:
            return len(source)
    return begins + column - 1


def _placed(error: LiquidError, pieces: list[Piece], offset: int) -> LiquidError:
    for piece in pieces:
        if offset < len(piece.text) or piece is pieces[-1]:
            field, at = piece.place(offset)
            return LiquidError(error.message, at, field=field)
        offset -= len(piece.text)
    return error


def inside_of(rendered: str) -> str:
    """Return what of a rendered document is its body."""
    return rendered.partition(_BODY_START)[2].partition(_BODY_END)[0]


def whole_of(rendered: str) -> str:
    """Return a rendered document without the fences around its body."""
    return rendered.replace(_BODY_START, "").replace(_BODY_END, "").strip()
