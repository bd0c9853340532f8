"""Lists: their filters documented and read from one declaration (`domain/kit/filters.py`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from api.kit.cursors import Kinds
from api.kit.pagination import MAX_PAGE_SIZE, read_page
from api.kit.parameters import Param, boolean, choice, choices, identifier, instant, texts, whole
from api.kit.query_strings import Query
from domain.kit.errors import InvalidParams
from domain.kit.filters import Bounds, DataFilter, Filter
from domain.kit.json_types import JsonObject
from domain.kit.pages import PageRequest
from domain.kit.violations import Violations
from domain.recipients.refs import RecipientRef

F = TypeVar("F", bound=Hashable)

PAGING: dict[str, str | Param] = {
    "after": "Cursor: return the page after it.",
    "before": "Cursor: return the page before it.",
    "page_size": whole("Entries per page", 1, MAX_PAGE_SIZE, MAX_PAGE_SIZE),
}
_LIMITS = ("gt", "gte", "lt", "lte")
_STRING: JsonObject = {"type": "string"}
# Refers to a user by id, or to an object.
_REFERENCE: JsonObject = {
    "anyOf": [
        _STRING,
        {
            "type": "object",
            "properties": {"id": _STRING, "collection": _STRING},
            "required": ["id"],
        },
    ]
}


def filter_parameters(
    filters: type, paging: Mapping[str, str | Param] = PAGING
) -> dict[str, str | Param]:
    """Return the query parameters of a list for its document, those of its pages included."""
    found: dict[str, str | Param] = {}
    for field, kind, told in _declared(filters):
        name = told.name or field
        words = _words(kind, told)
        if kind == list[RecipientRef]:
            found[f"{name}[]"] = Param(
                told.description,
                {"type": "array", "items": _REFERENCE, "maxItems": told.at_most},
            )
        elif _is_list(kind):
            found[f"{name}[]"] = (
                choices(told.description, words) if words else texts(told.description, told.at_most)
            )
        elif kind is Bounds:
            found |= {
                f"{name}.{limit}": instant(f"{told.description} ({limit})") for limit in _LIMITS
            }
        elif words:
            found[name] = choice(told.description, words)
        else:
            document = _DOCUMENTED.get(kind)
            found[name] = document(told.description) if document else told.description
        if told.is_required:
            found[name] = Param(told.description, _STRING, is_required=True)
    return {**found, **paging}


def read_filters(query: Query, filters: type[F], **given: Any) -> F:
    """Read the filters of a list from a query; `given` are those that the path decides.

    Raises:
        InvalidParams: naming every parameter that is not as its document says.
    """
    violations, values = Violations(), dict(given)
    for field, kind, told in _declared(filters):
        if field in given:
            continue
        value = violations.read(_read_filter, query, told.name or field, kind, told)
        if value is not None:  # else the default of the dataclass holds
            values[field] = value
    violations.raise_any()
    return filters(**values)


def _read_filter(query: Query, name: str, kind: Any, told: Filter) -> Any:
    value = _read_value(query, name, kind, told)
    if value is None and told.is_required:
        raise InvalidParams.of(name, "is required")
    return value


def _read_value(query: Query, name: str, kind: Any, told: Filter) -> Any:
    words = _words(kind, told)
    if kind == list[RecipientRef]:
        return query.references(name, at_most=told.at_most)
    if _is_list(kind):
        return query.texts(name, choices=words, at_most=told.at_most)
    if words:
        word = query.choice(name, words)
        is_vocabulary = isinstance(kind, type) and issubclass(kind, StrEnum)
        return kind(word) if is_vocabulary and word is not None else word
    return _READ[kind](query, name)


def read_list(
    query: Query,
    filters: type[F],
    kinds: Kinds,
    *,
    page: Callable[[Query, Kinds], PageRequest] = read_page,
    **given: Any,
) -> tuple[F, PageRequest]:
    """Read the filters of a list, and which page of it is asked for.

    Args:
        query: of the request.
        filters: what they are declared in.
        kinds: of the sort values of the list.
        page: reads the page.
        given: filters that the path decides.

    Raises:
        InvalidParams: naming every parameter that is wrong, of both.
    """
    violations = Violations()
    wanted = violations.read(lambda: read_filters(query, filters, **given))
    request = violations.read(page, query, kinds)
    violations.raise_any()
    return wanted, request


_DOCUMENTED: Mapping[Any, Callable[[str], str | Param]] = {
    bool: boolean,
    UUID: identifier,
    datetime: instant,
}
_READ: Mapping[Any, Callable[[Query, str], Any]] = {
    str: Query.text,
    bool: Query.boolean,
    UUID: Query.uuid,
    datetime: Query.instant,
    Bounds: Query.bounds,
    DataFilter: Query.data_filter,
    RecipientRef: Query.recipient,
}


@cache  # reading annotations takes longer than the whole query
def _declared(filters: type) -> tuple[tuple[str, Any, Filter], ...]:
    """Return field, kind and declaration of every filter; the kind of an optional one is bare."""
    found = []
    for name, hint in get_type_hints(filters, include_extras=True).items():
        if get_origin(hint) is not Annotated:
            continue
        kind, *extras = get_args(hint)
        if get_origin(kind) in (Union, UnionType):
            (kind,) = (part for part in get_args(kind) if part is not NoneType)
        found += [(name, kind, extra) for extra in extras if isinstance(extra, Filter)]
    return tuple(found)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _words(kind: Any, told: Filter) -> tuple[str, ...] | None:
    """Return the words that a filter takes: those that it names, or those of its vocabulary."""
    if told.choices is not None:
        return told.choices
    (member,) = get_args(kind) if _is_list(kind) else (kind,)
    if isinstance(member, type) and issubclass(member, StrEnum):
        return tuple(word.value for word in member)
    return None
