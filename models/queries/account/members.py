"""SQL over the members of the account."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from domain.account.members import Member, MemberFilters, Role
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_MEMBERS = Listing(Member, "members m", "m", ("id",), descending=False)
_COLUMNS = columns_of(Member, "m")
_FILTERS = {"role": "m.role = %s", "email": "lower(m.email) = lower(%s)"}


async def list_members(
    connection: Connection, filters: MemberFilters, request: PageRequest
) -> Page[Member]:
    """Return a page of the members, those first who joined first."""
    where = Where()
    where.add("true")
    where.add_by_name(_FILTERS, filters)
    return await _MEMBERS.page(connection, where, request)


async def get_member(connection: Connection, member_id: UUID) -> Member | None:
    """Return one member."""
    return await fetch_one(
        connection,
        Member,
        f"SELECT {_COLUMNS} FROM members m WHERE id = %s",  # noqa: S608 - constants
        [member_id],
    )


async def lock_owners(connection: Connection) -> list[Member]:
    """Return the owners, and keep them from being changed meanwhile, in one order."""
    return await fetch_all(
        connection,
        Member,
        f"SELECT {_COLUMNS} FROM members m WHERE role = '{Role.OWNER}'"  # noqa: S608 - constants
        " ORDER BY id FOR UPDATE",
    )


async def insert_member(connection: Connection, member: Member) -> bool:
    """Add a member; False when somebody has this address already."""
    cursor = await connection.execute(
        """
        INSERT INTO members (id, user_id, email, name, avatar_url, role, inserted_at, updated_at)
        VALUES (%(id)s, %(user_id)s, %(email)s, %(name)s, %(avatar_url)s, %(role)s,
            %(inserted_at)s, %(updated_at)s)
        ON CONFLICT (lower(email)) DO NOTHING
        """,
        asdict(member),
    )
    return cursor.rowcount == 1


async def update_member(connection: Connection, member: Member) -> None:
    """Write what may change of a member."""
    await connection.execute(
        "UPDATE members SET name = %(name)s, avatar_url = %(avatar_url)s, role = %(role)s,"
        " updated_at = %(updated_at)s WHERE id = %(id)s",
        asdict(member),
    )


async def delete_member(connection: Connection, member_id: UUID) -> None:
    """Remove a member."""
    await connection.execute("DELETE FROM members WHERE id = %s", [member_id])
