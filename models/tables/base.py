"""Column kinds and naming shared by all tables.

The tables describe the schema for migrations; statements are written as SQL in `models/queries/`,
because hot paths write many rows with one statement (docs/adr/0004).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Computed, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def text_column(*, nullable: bool = False, primary_key: bool = False) -> Any:
    """A caller's id or key: compared byte by byte, so that order is the same everywhere."""
    return Field(sa_column=Column(Text(collation="C"), nullable=nullable, primary_key=primary_key))


def json_column(*, nullable: bool = False) -> Any:
    """A JSON document."""
    return Field(sa_column=Column(JSONB(none_as_null=True), nullable=nullable))


def instant_column(*, nullable: bool = False, primary_key: bool = False) -> Any:
    """An instant, stored in UTC."""
    column = Column(DateTime(timezone=True), nullable=nullable, primary_key=primary_key)
    return Field(sa_column=column)


def bytes_column(*, unique: bool = False, nullable: bool = False) -> Any:
    """A hash or a sealed document."""
    return Field(sa_column=Column(LargeBinary, nullable=nullable, unique=unique))


def column_while(column: str, *, status: str, among: Iterable[str]) -> Any:
    """A copy of a text column that PostgreSQL keeps while a status is among some, else null.

    Args:
        column: what is copied.
        status: the column that decides.
        among: its values for which the copy is there.
    """
    # Written as PostgreSQL writes it back, so that the models can be compared with the database.
    listed = ", ".join(f"'{value}'::text" for value in among)
    expression = f"CASE WHEN {status} = ANY (ARRAY[{listed}]) THEN {column} ELSE NULL::text END"
    computed = Column(Text(collation="C"), Computed(expression, persisted=True), nullable=True)
    return Field(default=None, sa_column=computed)


def text_list_column() -> Any:
    """A short list of words."""
    return Field(sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))
