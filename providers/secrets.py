"""Finds the secrets among a provider's settings: one walk for masking, keeping and redacting.

What is secret is said by the types of the settings model (`SecretStr`), at any depth: in nested
models, lists and mappings too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from domain.kit.json_types import JsonValue

Replace = Callable[[Any], Any]
_SECRET_TYPES = (SecretStr, SecretBytes, Secret)


def replace_secrets(annotation: Any, value: Any, replace: Replace) -> JsonValue:
    """Return `value` with each secret in it replaced by `replace(secret)`.

    Args:
        annotation: the type of the value: a settings model, or what a field of one is declared as.
        value: settings as an operator wrote them, or as the model's `model_dump` has them.
        replace: is given a whole secret; also each member that the model does not name, because
            what is not known cannot be known to be harmless.
    """
    kinds = [kind for kind in _members(annotation) if kind is not type(None)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if isinstance(value, dict) and models:
        return {
            name: replace_secrets(declared, member, replace)
            if (declared := _declared(models, name))
            else replace(member)
            for name, member in value.items()
        }
    if any(isinstance(kind, type) and issubclass(kind, _SECRET_TYPES) for kind in kinds):
        return replace(value)
    if isinstance(value, dict):
        inner = _held(kinds, Mapping)
        return {name: replace_secrets(inner, member, replace) for name, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        inner = _held(kinds, Collection)
        return [replace_secrets(inner, entry, replace) for entry in value]
    return value


def _declared(models: list[type[BaseModel]], name: str) -> tuple[Any, ...]:
    """Return what the models declare under a name or alias; nothing when none knows it."""
    return tuple(
        field.annotation
        for model in models
        for own, field in model.model_fields.items()
        if name in (own, field.alias, field.validation_alias)
    )


def secret_values(settings: BaseModel) -> list[str]:
    """List the secrets among a provider's settings, wherever they stand."""
    found: list[str] = []

    def note(secret: Any) -> None:
        plain = secret.get_secret_value() if isinstance(secret, _SECRET_TYPES) else secret
        if isinstance(plain, bytes):
            plain = plain.decode("utf-8", "replace")
        if plain is not None:
            found.append(str(plain))

    replace_secrets(type(settings), settings.model_dump(), note)
    return found


def _members(annotation: Any) -> Iterator[Any]:
    """Yield what a value of this type may be: the members of a union, bare of `Annotated`."""
    if isinstance(annotation, tuple):  # what several models declare under one name
        for one in annotation:
            yield from _members(one)
    elif hasattr(annotation, "__value__"):  # `type X = …`
        yield from _members(annotation.__value__)
    elif hasattr(annotation, "__metadata__"):  # Annotated
        yield from _members(annotation.__origin__)
    elif get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _members(one)
    elif get_origin(annotation) is Secret:
        yield Secret
    else:
        yield annotation


def _held(kinds: list[Any], container: type) -> tuple[Any, ...]:
    """Return the types of what containers of this kind hold: their members, or their values."""
    found: list[Any] = []
    for kind in kinds:
        origin = get_origin(kind)
        if isinstance(origin, type) and issubclass(origin, container):
            is_mapping = issubclass(origin, Mapping)
            if is_mapping == (container is Mapping):
                found += get_args(kind)[1 if is_mapping else 0 :]
    return tuple(found)
