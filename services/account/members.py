"""The members of the account: who belongs to it, and as what.

Source: Knock Management API, "Members"; Knock docs, "Roles and permissions": an account that has
members keeps an owner.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.account.members import Member, MemberChangeIn, MemberFilters, MemberIn, Role
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from models.queries.account import members as queries
from services.engine import Engine, Unit


async def list_members(
    engine: Engine, filters: MemberFilters, request: PageRequest
) -> Page[Member]:
    """Return a page of the members, those first who joined first."""
    async with engine.connection() as connection:
        return await queries.list_members(connection, filters, request)


async def get_member(engine: Engine, member_id: UUID) -> Member:
    """Return one member. Raises NotFound."""
    async with engine.connection() as connection:
        found = await queries.get_member(connection, member_id)
    if found is None:
        raise _missing()
    return found


async def add_member(engine: Engine, wanted: MemberIn) -> Member:
    """Add a member.

    Raises:
        InvalidParams: somebody has this address already.
    """
    async with engine.unit() as unit:
        member = Member(
            id=new_id(),
            user_id=new_id(),
            email=wanted.email,
            name=wanted.name,
            avatar_url=wanted.avatar_url,
            role=wanted.role.value,
            inserted_at=unit.now,
            updated_at=unit.now,
        )
        if not await queries.insert_member(unit.connection, member):
            raise InvalidParams.of("member.email", "is already used by a member")
    return member


async def change_member(engine: Engine, member_id: UUID, wanted: MemberChangeIn) -> Member:
    """Change what is said of a member.

    Raises:
        NotFound: there is no such member.
        Unprocessable: the account would be left without an owner.
    """
    async with engine.unit() as unit:
        member = await _find(unit, member_id)
        said = {name: getattr(wanted, name) for name in wanted.model_fields_set - {"role"}}
        role = member.role if wanted.role is None else wanted.role.value
        if role != Role.OWNER:
            await _keep_an_owner(unit, member)
        changed = replace(member, **said, role=role, updated_at=unit.now)
        await queries.update_member(unit.connection, changed)
    return changed


async def remove_member(engine: Engine, member_id: UUID) -> None:
    """Remove a member.

    Raises:
        NotFound: there is no such member.
        Unprocessable: the account would be left without an owner.
    """
    async with engine.unit() as unit:
        await _keep_an_owner(unit, await _find(unit, member_id))
        await queries.delete_member(unit.connection, member_id)


async def _find(unit: Unit, member_id: UUID) -> Member:
    # The owners are held first, so that two requests do not both take the last one but one.
    await queries.lock_owners(unit.connection)
    member = await queries.get_member(unit.connection, member_id)
    if member is None:
        raise _missing()
    return member


async def _keep_an_owner(unit: Unit, member: Member) -> None:
    owners = await queries.lock_owners(unit.connection)
    if [owner.id for owner in owners] == [member.id]:
        raise Unprocessable("The account must keep at least one owner.", code="last_owner")


def _missing() -> NotFound:
    return NotFound("The member does not exist.")
