"""Base of the shapes that are told to clients: in answers, and in what webhooks are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from domain.kit.clock import iso

T = TypeVar("T")

# An instant as the API writes it: UTC with microseconds and `Z`.
Moment = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


# A member that is left out when there is nothing to say; give it the default None.
LeftOut = Annotated[T | SkipJsonSchema[None], Field(exclude_if=lambda value: value is None)]


class Out(BaseModel):
    """Base of the shapes that are answered; nothing but the named members is."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Document as required what is always answered, constants such as `__typename` included.

        The defaults that a shape is made with say nothing to readers, and are left out.
        """
        found = handler(schema)
        document = handler.resolve_ref_schema(found)
        document["required"] = [
            field.alias or name
            for name, field in cls.model_fields.items()
            if field.exclude_if is None
        ]
        for member in document.get("properties", {}).values():
            member.pop("default", None)
        origin = cls.__pydantic_generic_metadata__["origin"]
        if origin is not None and origin.__doc__:  # pydantic describes `ItemsOut[T]` by nothing
            document.setdefault("description", origin.__doc__)
        return found
