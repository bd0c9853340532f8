"""What every kind of content is over HTTP: the face of its documents, and four operations.

The operations are list, get, upsert and validate. Broadcasts have the face alone: they are neither
committed nor promoted, so their operations are their own.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from fastapi import APIRouter, Request
from pydantic import Field, create_model
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.content.annotations import ANNOTATION, annotated, wants_annotations
from api.management.requests import (
    NOTE_HELP,
    PAGE_HELP,
    SCOPE_HELP,
    read_commit,
    read_limit,
    read_scope,
)
from domain.content.kind import KindOfContent
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import DocumentedAs, Shape
from domain.kit.violations import Violations
from services.broadcasts.broadcasts import BroadcastView
from services.content import drafts
from services.content.drafts import ContentView
from services.engine import Engine

ANNOTATE_HELP: dict[str, str | Param] = {
    "annotate": boolean("Add `__annotation`, which Knock's CLI needs.")
}
READ_HELP: dict[str, str | Param] = {
    **SCOPE_HELP,
    **ANNOTATE_HELP,
    "hide_uncommitted_changes": boolean("Return what was last committed instead of the draft."),
}
WRITE_HELP: dict[str, str | Param] = {
    **SCOPE_HELP,
    **ANNOTATE_HELP,
    "commit": boolean("Publish at once."),
    **NOTE_HELP,
    "force": boolean("Write directly in an environment to which content is otherwise promoted."),
}


View = ContentView[Any] | BroadcastView


class ContentOut(Out):
    """What the answers of every kind have beside their content.

    Attributes:
        follows: members that follow from the content; Knock's CLI keeps them with it in its files.
    """

    follows: ClassVar[frozenset[str]] = frozenset()

    key: str
    environment: str
    sha: str = Field(description="Hash of the content.")
    created_at: Moment
    updated_at: Moment
    annotation: LeftOut[Annotated[Any, DocumentedAs(dict[str, Any])]] = Field(
        None, alias=ANNOTATION, description="Used by Knock's CLI."
    )

    @classmethod
    def of(cls, view: View, content: JsonObject) -> Self:
        """Write a view; `content` is its content, perhaps annotated."""
        members = {name: content.get(name) for name in cls.model_fields if name not in _BESIDE}
        return cls(
            **{**members, **cls.beside(view)},
            key=view.key,
            environment=view.environment,
            sha=view.sha,
            created_at=view.created_at,
            updated_at=view.updated_at,
            annotation=content.get(ANNOTATION),
        )

    @classmethod
    def beside(cls, view: Any) -> dict[str, Any]:
        """Return what a kind says of a view, of its own type, beside its content."""
        return {}


_BESIDE = frozenset(ContentOut.model_fields)


class ContentShapes:
    """The shapes of one kind: reads its documents from bodies, and writes them into answers.

    Attributes:
        body: the shape of a request: a document under the name of its kind.
        body_out: the same of an answer.
        page: the shape of a page of them.
    """

    def __init__(self, kind: KindOfContent[Any], shape: type[ContentOut]) -> None:
        """Make the shapes of a kind.

        Args:
            kind: of the content.
            shape: of the answers. Its members are those of the kind's own shape, those of
                `ContentOut`, and whatever else it has `beside` them.
        """
        self._kind = kind
        self._shape = shape
        kept = {*kind.shape.model_fields, *shape.follows, "annotation"}
        self._read_only = [name for name in shape.model_fields if name not in kept]
        title = kind.shape.__name__.removesuffix("Shape")
        name = kind.name.value
        taken: dict[str, Any] = {name: (Annotated[Any, DocumentedAs(kind.shape)], ...)}
        given: dict[str, Any] = {name: (shape, ...)}
        wrapped = f"The {kind.noun}, under its type."
        self.body = create_model(f"{title}Body", __base__=Shape, __doc__=wrapped, **taken)
        self.body_out = create_model(f"{title}BodyOut", __base__=Out, __doc__=wrapped, **given)
        self.page: Any = PlainEntriesOut[shape]  # type: ignore[valid-type]

    async def read(self, request: Request, query: Query) -> JsonValue:
        """Read the document of a body, and judge how the query wants it answered.

        Raises:
            InvalidParams: before anything is done, so that what is refused has changed nothing.
        """
        violations = Violations()
        body = await violations.wait_for(read_body(request, self.body))
        violations.read(wants_annotations, request, query)
        violations.raise_any()
        document: JsonValue = getattr(body, self._kind.name.value)
        return document

    def out(self, view: View, request: Request, query: Query) -> ContentOut:
        """Write a view, annotated when that is wanted."""
        content = view.content
        if wants_annotations(request, query):
            content = annotated(content, self._kind.files(view.document), self._read_only)
        return self._shape.of(view, content)

    def wrapped(self, view: View, request: Request, query: Query) -> JSONResponse:
        """Answer a view under the name of its kind."""
        return answer(self.body_out(**{self._kind.name.value: self.out(view, request, query)}))

    def listed(self, page: Page[Any], request: Request, query: Query) -> JSONResponse:
        """Answer a page of views."""
        return answer(self.page.of(page, [self.out(view, request, query) for view in page.rows]))


class ContentResource(ContentShapes):
    """One kind of content over HTTP.

    Attributes:
        router: has the four operations; what is special to a kind joins it.
        list_help: what a list is asked for beside what every list is.
    """

    list_help: ClassVar[dict[str, str | Param]] = {}

    def __init__(self, kind: KindOfContent[Any], shape: type[ContentOut], *, tag: str) -> None:
        """Make the operations of a kind.

        Args:
            kind: of the content.
            shape: of the answers, as `ContentShapes` takes it.
            tag: groups the operations in the document.
        """
        super().__init__(kind, shape)
        self.router = APIRouter(prefix=f"/v1/{kind.name}s", tags=[tag], responses=ERROR_RESPONSES)
        self._add_operations()

    def _add_operations(self) -> None:
        noun, plural = self._kind.noun, f"{self._kind.noun}s"
        name = self._kind.name.value
        add = self.router.add_api_route
        add(
            "",
            self.list_content,
            name=f"list_{name}s",
            description=f"List {plural} by key.",
            response_model=self.page,
            openapi_extra=takes(query={**READ_HELP, **self.list_help, **PAGE_HELP}),
        )
        add(
            "/{key}",
            self.get_content,
            name=f"get_{name}",
            description=f"Get one {noun}.",
            response_model=self._shape,
            openapi_extra=takes(query=READ_HELP),
        )
        add(
            "/{key}",
            self.upsert_content,
            methods=["PUT"],
            name=f"upsert_{name}",
            description=f"Create or replace one {noun}; with `commit`, also publish it.",
            response_model=self.body_out,
            openapi_extra=takes(self.body, query=WRITE_HELP),
        )
        add(
            "/{key}/validate",
            self.validate_content,
            methods=["PUT"],
            name=f"validate_{name}",
            description=f"Validate one {noun} without saving it.",
            response_model=self.body_out,
            openapi_extra=takes(self.body, query={**SCOPE_HELP, **ANNOTATE_HELP}),
        )

    async def list_content(
        self, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
    ) -> JSONResponse:
        """List by key."""
        violations = Violations()
        page_request = violations.read(read_limit, query, BY_ID)
        hide = violations.read(query.boolean, "hide_uncommitted_changes") or False
        violations.read(wants_annotations, request, query)
        has_extras = violations.read(self.wants_extras, query)
        violations.raise_any()
        environment = await read_scope(engine, query)
        page = await drafts.list_content(
            engine, environment, self._kind, page_request, hide_uncommitted_changes=hide
        )
        if has_extras:
            page = await self.add_extras(engine, environment, page)
        return self.listed(page, request, query)

    def wants_extras(self, _query: Query) -> bool:
        """Tell whether a query asks for what `list_help` lets clients ask for."""
        return False

    async def add_extras(
        self, _engine: Engine, _environment: EnvironmentScope, page: Page[ContentView[Any]]
    ) -> Page[ContentView[Any]]:
        """Add to a page what it asks for."""
        return page

    async def get_content(
        self,
        key: str,
        request: Request,
        _token: ServiceToken,
        engine: EngineDep,
        query: QueryDep,
    ) -> JSONResponse:
        """Get one."""
        violations = Violations()
        hide = violations.read(query.boolean, "hide_uncommitted_changes") or False
        violations.read(wants_annotations, request, query)
        violations.raise_any()
        environment = await read_scope(engine, query)
        view = await drafts.get_content(
            engine, environment, self._kind, known_id(key), hide_uncommitted_changes=hide
        )
        return answer(self.out(view, request, query))

    async def upsert_content(
        self,
        key: str,
        request: Request,
        token: ServiceToken,
        engine: EngineDep,
        query: QueryDep,
    ) -> JSONResponse:
        """Create or replace one."""
        violations = Violations()
        new_key = violations.read(new_id_of, key, field="key")
        note = violations.read(read_commit, query, token)
        force = violations.read(query.boolean, "force") or False
        document = await violations.wait_for(self.read(request, query))
        violations.raise_any()
        view = await drafts.upsert_content(
            engine,
            await read_scope(engine, query),
            self._kind,
            new_key,
            document,
            commit=note,
            force=force,
        )
        return self.wrapped(view, request, query)

    async def validate_content(
        self,
        key: str,
        request: Request,
        _token: ServiceToken,
        engine: EngineDep,
        query: QueryDep,
    ) -> JSONResponse:
        """Judge one."""
        violations = Violations()
        new_key = violations.read(new_id_of, key, field="key")
        document = await violations.wait_for(self.read(request, query))
        violations.raise_any()
        view = await drafts.validate_content(
            engine, await read_scope(engine, query), self._kind, new_key, document
        )
        return self.wrapped(view, request, query)
