"""Recipients in paths: users and objects have the same sub-resources, each of them written once.

A route of one of them is added by a function that takes a `RecipientPath`: it stands under
`of.path`, takes the recipient from `Depends(of.known)` or `Depends(of.new)`, and has a
name with `of.kind` in it. The function is called for each of `RECIPIENT_PATHS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from api.kit.strings import known_id, new_id_of
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import NOT_IN_USER_IDS
from domain.kit.violations import Violations
from domain.recipients.refs import USERS, RecipientRef

T = TypeVar("T")
U = TypeVar("U")
# Reads a part of a path, or raises InvalidParams.
InPath: TypeAlias = Callable[[], T]


async def known_user(user_id: str) -> RecipientRef:
    """Return the user of a path that is only looked up. Raises NotFound."""
    return RecipientRef.user(known_id(user_id))


async def known_object(collection: str, object_id: str) -> RecipientRef:
    """Return the object of a path that is only looked up. Raises NotFound."""
    return RecipientRef(known_collection(collection), known_id(object_id))


def known_collection(collection: str) -> str:
    """Return a collection of objects from a path; `$users` is not one. Raises NotFound."""
    if collection == USERS:
        raise NotFound("Users are under /v1/users.")
    return known_id(collection)


async def new_user(user_id: str) -> InPath[RecipientRef]:
    """Return what reads the user of a path that is written."""

    def read() -> RecipientRef:
        return RecipientRef.user(new_id_of(user_id, field="user_id", forbidden=NOT_IN_USER_IDS))

    return read


async def new_object(collection: str, object_id: str) -> InPath[RecipientRef]:
    """Return what reads the object of a path that is written."""

    def read() -> RecipientRef:
        violations = Violations()
        of = violations.read(new_collection, collection)
        own = violations.read(new_id_of, object_id, field="object_id")
        violations.raise_any()
        return RecipientRef(of, own)

    return read


def new_collection(collection: str) -> str:
    """Return a collection of objects from a path that is written. Raises InvalidParams."""
    if collection == USERS:
        raise InvalidParams.of("collection", "is reserved for users, which are under /v1/users")
    return new_id_of(collection, field="collection", forbidden="/")


def both(first: InPath[T], second: InPath[U]) -> InPath[tuple[T, U]]:
    """Return what reads two parts of a path, and tells what is wrong with either."""

    def read() -> tuple[T, U]:
        violations = Violations()
        found = violations.read(first), violations.read(second)
        violations.raise_any()
        return found

    return read


@dataclass(frozen=True, slots=True)
class RecipientPath:
    """The path of one kind of recipient.

    Attributes:
        kind: names it in the names of operations.
        path: what its sub-resources stand under.
        tag: of its operations in the document.
        known: the dependency that reads a recipient which is only looked up.
        new: the same of one that is written, which is read with the body; see `read_both`.
    """

    kind: str
    path: str
    tag: str
    known: Callable[..., Awaitable[RecipientRef]]
    new: Callable[..., Awaitable[InPath[RecipientRef]]]


USER_PATH = RecipientPath("user", "/v1/users/{user_id}", "Users", known_user, new_user)
OBJECT_PATH = RecipientPath(
    "object", "/v1/objects/{collection}/{object_id}", "Objects", known_object, new_object
)
RECIPIENT_PATHS = (USER_PATH, OBJECT_PATH)
