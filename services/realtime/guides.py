"""The guides that browsers of this process listen to, and what they are told of changes.

Guides change seldom: with a commit, a promotion, a switch, or an instant from or until which one is
active. So what is published is compared once a second, and only where somebody listens; only then
is it judged for each who does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from domain.kit.errors import NotFound, Unavailable
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.realtime.news import GuideNews
from models.queries.realtime.news import GuidesState, guides_states
from runtime.logs import get_logger
from services.engine import Engine
from services.guides.published import guide_channel, guides_of
from services.guides.showing import GuidesView, show_guides

_log = get_logger(__name__)

_RETRY_SECONDS = 1.0

# The version of each guide of a channel, and whether it is switched on now.
_Prints: TypeAlias = dict[str, tuple[UUID, bool]]


class Change(StrEnum):
    """What became of a guide."""

    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class GuidesTold:
    """What a socket is told.

    Attributes:
        view: the guides as its user sees them now.
        changes: what became of which guide.
        has_new_order: whether they are shown in another order, or wait for each other otherwise.
    """

    view: GuidesView
    changes: Mapping[str, Change]
    has_new_order: bool


@dataclass(eq=False, slots=True)
class GuideListener:
    """A socket that listens to the guides of a channel.

    Attributes:
        environment: where, perhaps on a branch.
        channel_id: of type `in_app_guide`.
        user_id: for whom.
        tenant_id: on whose behalf.
        data: what the application says, for targeting and templates.
        tell: takes what is told; it must not wait.
    """

    environment: EnvironmentScope
    channel_id: UUID
    user_id: str
    tenant_id: str | None
    data: JsonObject
    tell: Callable[[GuidesTold], None]
    changes: dict[str, Change] = field(default_factory=dict)
    has_new_order: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Channel:
    """A channel of guides that somebody listens to, and what is known of it."""

    environment: EnvironmentScope
    id: UUID
    prints: _Prints
    order_changed_at: datetime | None
    listeners: set[GuideListener] = field(default_factory=set)


class Guides:
    """The guides that sockets of this process listen to.

    Args:
        engine: the parts of this process.
        slots: bounds how many connections to the database are used for showing guides.
    """

    def __init__(self, engine: Engine, slots: asyncio.Semaphore) -> None:
        self._engine = engine
        self._slots = slots
        self._channels: dict[tuple[UUID, UUID], _Channel] = {}
        self._of_users: dict[tuple[UUID, str], set[GuideListener]] = {}

    async def add(self, listener: GuideListener) -> None:
        """Begin to tell a socket of guides.

        Raises:
            NotFound: there is no such channel, or no such environment any more.
            Unavailable: the database is away.
        """
        environment = listener.environment
        key = environment.content_id, listener.channel_id
        if key not in self._channels:
            states = await self._states([environment.id])
            if not states:
                raise NotFound("The environment does not exist.")
            (state,) = states
            prints = await self._prints(environment, state, listener.channel_id)
            self._channels.setdefault(
                key, _Channel(environment, listener.channel_id, prints, state.order_changed_at)
            )
        self._channels[key].listeners.add(listener)
        self._of_users.setdefault(_user_of(listener), set()).add(listener)

    def remove(self, listener: GuideListener) -> None:
        """Tell a socket no more; doing it twice is harmless."""
        if listener.task is not None:
            listener.task.cancel()
        key = listener.environment.content_id, listener.channel_id
        channel = self._channels.get(key)
        if channel is not None:
            channel.listeners.discard(listener)
            if not channel.listeners:
                del self._channels[key]
        of_user = self._of_users.get(_user_of(listener))
        if of_user is not None:
            of_user.discard(listener)
            if not of_user:
                del self._of_users[_user_of(listener)]

    def hear(self, news: GuideNews) -> None:
        """Take in that a user may see a guide from now on."""
        for listener in self._of_users.get((news.environment_id, news.user_id), ()):
            self._change(listener, {news.guide_key: Change.ADDED}, has_new_order=False)

    async def compare(self) -> None:
        """Compare what is published with what was; tell those who listen of what has changed."""
        environment_ids = list({channel.environment.id for channel in self._channels.values()})
        if not environment_ids:
            return
        states = {state.id: state for state in await self._states(environment_ids)}
        for channel in list(self._channels.values()):
            state = states.get(channel.environment.id)
            if state is None:  # its environment was removed; those who listen hear nothing more
                continue
            try:
                await self._compare(channel, state)
            except Unavailable:
                raise
            except Exception:  # what is wrong with one channel is nothing to the others
                _log.exception("guides_not_compared", channel_id=str(channel.id))

    async def _compare(self, channel: _Channel, state: GuidesState) -> None:
        try:
            prints = await self._prints(channel.environment, state, channel.id)
        except NotFound:  # archived; those who listen hear nothing more
            prints = {}
        changes = dict(_changes(channel.prints, prints))
        has_new_order = (
            channel.order_changed_at != state.order_changed_at
            or channel.prints.keys() != prints.keys()
        )
        channel.prints, channel.order_changed_at = prints, state.order_changed_at
        if changes or has_new_order:
            for listener in channel.listeners:
                self._change(listener, changes, has_new_order=has_new_order)

    def close(self) -> None:
        """End what is under way."""
        for channel in list(self._channels.values()):
            for listener in list(channel.listeners):
                self.remove(listener)

    async def _states(self, environment_ids: list[UUID]) -> list[GuidesState]:
        async with self._engine.connection() as connection:
            return await guides_states(connection, environment_ids)

    async def _prints(
        self, environment: EnvironmentScope, state: GuidesState, channel_id: UUID
    ) -> _Prints:
        environment = replace(environment, config_version=state.config_version)
        now = self._engine.clock()
        async with self._engine.connection() as connection:
            configuration = await self._engine.catalog.current(connection, environment)
            channel = guide_channel(configuration, channel_id)
            guides = await guides_of(self._engine, connection, environment, configuration, channel)
        return {key: (found.version_id, found.is_active_at(now)) for key, found in guides.items()}

    def _change(
        self, listener: GuideListener, changes: Mapping[str, Change], *, has_new_order: bool
    ) -> None:
        listener.changes |= changes
        listener.has_new_order |= has_new_order
        if listener.task is None:
            listener.task = asyncio.create_task(self._tell(listener))

    async def _tell(self, listener: GuideListener) -> None:
        """Tell of changes until there are none."""
        try:
            while listener.changes or listener.has_new_order:
                changes, listener.changes = listener.changes, {}
                has_new_order, listener.has_new_order = listener.has_new_order, False
                try:
                    view = await self._view(listener)
                except NotFound:
                    return
                except Unavailable as error:
                    _log.warning("guides_not_told", error=type(error).__name__)
                    listener.changes = {**changes, **listener.changes}
                    listener.has_new_order |= has_new_order
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:
                    _log.exception("guides_not_told")
                else:
                    listener.tell(GuidesTold(view, changes, has_new_order))
        finally:
            listener.task = None

    async def _view(self, listener: GuideListener) -> GuidesView:
        async with self._slots:
            return await show_guides(
                self._engine,
                replace(listener.environment, config_version=None),
                listener.user_id,
                listener.channel_id,
                tenant_id=listener.tenant_id,
                data=listener.data,
            )


def _user_of(listener: GuideListener) -> tuple[UUID, str]:
    return listener.environment.id, listener.user_id


def _changes(before: _Prints, after: _Prints) -> Iterator[tuple[str, Change]]:
    for key in before.keys() | after.keys():
        if key not in before:
            yield key, Change.ADDED
        elif key not in after:
            yield key, Change.REMOVED
        elif before[key] != after[key]:
            is_switched_on = after[key][1] and not before[key][1]
            yield key, Change.ADDED if is_switched_on else Change.UPDATED
