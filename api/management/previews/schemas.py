"""Shapes of previews."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from domain.channels.kinds import STEP_KINDS
from domain.content.partial import PartialType
from domain.kit.answers import LeftOut, Out
from domain.kit.shapes import DocumentedAs
from domain.previews.rows import Fault, Preview

_TEMPLATES: Any = reduce(or_, (kind.template for kind in STEP_KINDS.values()))
_Result = Literal["success", "error"]


class PreviewErrorOut(Out):
    """What keeps content from being rendered."""

    message: str
    field: str | None = Field(description="The field at fault; null if unknown.")
    line: int | None = Field(description="Counted from 1.")
    column: int | None = Field(description="Counted from 1. Not part of Knock's API.")

    @classmethod
    def of(cls, fault: Fault) -> Self:
        """Write a fault."""
        return cls(message=fault.message, field=fault.field, line=fault.line, column=fault.column)


def _members(preview: Preview) -> dict[str, Any]:
    """Return whether a preview was rendered, and why not."""
    if not preview.faults:
        return {"result": "success"}
    return {"result": "error", "errors": [PreviewErrorOut.of(each) for each in preview.faults]}


class TemplatePreviewOut(Out):
    """A template that was rendered, or why it was not."""

    result: _Result
    content_type: str = Field(description="The channel type.")
    template: LeftOut[Annotated[Any, DocumentedAs(_TEMPLATES)]] = Field(
        None, description="The template, rendered."
    )
    errors: LeftOut[list[PreviewErrorOut]] = None

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Write a preview."""
        template = None if preview.faults else preview.rendered
        return cls(content_type=preview.content_type, template=template, **_members(preview))


class StepPreviewOut(Out):
    """The template of a step that was rendered, or why it was not."""

    result: _Result
    content_type: str = Field(description="The channel type; `http` for fetch steps too.")
    template: Annotated[Any, DocumentedAs(_TEMPLATES)] = Field(
        description="The template, rendered; as written if it cannot be rendered."
    )
    errors: LeftOut[list[PreviewErrorOut]] = Field(None, description="Not part of Knock's API.")

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Write a preview."""
        template = preview.written if preview.faults else preview.rendered
        return cls(content_type=preview.content_type, template=template, **_members(preview))


class RequestPreviewOut(StepPreviewOut):
    """A reusable request that was rendered, or why it was not."""

    template: Annotated[Any, DocumentedAs(dict[str, Any])] = Field(
        description=(
            "`method`, `url`, `headers`, `query_params` and `body`; as written if they "
            "cannot be rendered."
        )
    )


class RenderedLayoutOut(Out):
    """A layout around an example."""

    html_body: str
    text_body: str


class LayoutPreviewOut(Out):
    """A layout that was rendered, or why it was not."""

    result: _Result
    layout: LeftOut[RenderedLayoutOut] = None
    errors: LeftOut[list[PreviewErrorOut]] = None

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Write a preview."""
        layout = None if preview.faults else RenderedLayoutOut(**preview.rendered)
        return cls(layout=layout, **_members(preview))


class PartialPreviewOut(Out):
    """A partial that was rendered, or why it was not."""

    result: _Result
    type: PartialType
    content: LeftOut[str] = None
    errors: LeftOut[list[PreviewErrorOut]] = None

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Write a preview."""
        content = preview.rendered.get("content")
        return cls(type=PartialType(preview.content_type), content=content, **_members(preview))
