"""What reverse ETL tools call by JSON-RPC to keep audiences as their warehouse has them.

Both sync who is in an audience, and nothing else of a user. Sources: Knock docs, "Census" and
"Hightouch"; Census docs, "Custom Destination API"; Hightouch docs, "Embedded Destination", and its
examples; JSON-RPC 2.0.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from domain.audiences.members import MAX_MEMBERS, AudienceMemberIn
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape
from domain.recipients.shapes import InlineUserIn, ObjectId, UserId

# A batch is for one audience, as both tools are set up; each further one is a transaction more.
MAX_AUDIENCES = 20
USER_ID, AUDIENCE_KEY, TENANT = "user_id", "audience_key", "tenant"


class RpcError(Exception):
    """A call that was not done; its code is of JSON-RPC.

    Attributes:
        code: `METHOD_NOT_FOUND` or `INVALID_PARAMS`.
        message: what its caller is told.
    """

    METHOD_NOT_FOUND: ClassVar[int] = -32601
    INVALID_PARAMS: ClassVar[int] = -32602

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RpcIn(Shape):
    """A call by JSON-RPC 2.0."""

    id: str | int = Field(description="Repeated in the answer.")
    jsonrpc: str = Field(description="The version, `2.0`.")
    method: str
    params: dict[str, Any] | None = None


def _written(value: object) -> object:
    """Return a whole number as text: warehouses have both, ids are text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class RowIn(Shape):
    """A row of a warehouse: a user who is in an audience, perhaps for a tenant."""

    user_id: Annotated[UserId, BeforeValidator(_written)]
    audience_key: Annotated[str, Field(min_length=1, max_length=255)]
    tenant: Annotated[ObjectId | None, BeforeValidator(_written)] = None

    @property
    def member(self) -> AudienceMemberIn:
        """Return it as the API takes members."""
        return AudienceMemberIn(user=InlineUserIn(id=self.user_id), tenant=self.tenant)


_Rows = Annotated[list[dict[str, Any]], Field(max_length=MAX_MEMBERS)]


class CensusObjectIn(Shape):
    """The object that a call is about; there is one."""

    object_api_name: Literal["audience"]


class CensusAboutIn(Shape):
    """What the calls that plan a sync say."""

    object: CensusObjectIn


class CensusFieldIn(Shape):
    """A field of a sync, and whether rows are told apart by it."""

    active_identifier: bool = False


class CensusPlanIn(Shape):
    """What is done with rows: a mirror sends batches to upsert, and batches to delete."""

    object: CensusObjectIn
    operation: Literal["insert", "upsert", "delete"]
    fields: dict[str, CensusFieldIn] = Field(default_factory=dict, alias="schema")

    @property
    def identifier(self) -> str:
        """Name the field by which Census tells rows apart."""
        return next((n for n, one in self.fields.items() if one.active_identifier), USER_ID)


class CensusBatchIn(Shape):
    """A batch of rows; their members are named by the fields that were listed."""

    sync_plan: CensusPlanIn
    records: _Rows


class HightouchMappingIn(Shape):
    """Which column is which field."""

    column: str = Field(alias="from")
    to: str


class HightouchConfigurationIn(Shape):
    """A sync as it was set up by the forms that were answered."""

    audience_key: str = Field(min_length=1, max_length=255)
    mode: Literal["insert", "mirror"] = "insert"
    identifier_mapping: HightouchMappingIn | None = Field(None, alias="identifierMapping")
    mappings: list[HightouchMappingIn] = Field(default_factory=list)

    def read(self, row: JsonObject) -> JsonObject:
        """Return a row of the warehouse with its columns named as our fields."""
        first = [self.identifier_mapping] if self.identifier_mapping else []
        named = {one.to: row.get(one.column) for one in (*first, *self.mappings)}
        return {**named, AUDIENCE_KEY: self.audience_key}


class HightouchSetUpIn(Shape):
    """What the calls that prepare a sync say."""

    configuration: HightouchConfigurationIn


class HightouchBatchIn(HightouchSetUpIn):
    """A batch of rows."""

    rows: _Rows
