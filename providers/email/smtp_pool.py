"""Keeps a few connections to one mail server open between messages.

A connection that the server has dropped in the meantime is found out before any data is sent, so
the message may go over a fresh one; once data has been sent, nothing is repeated here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from providers.email.mime import Mail
from providers.email.smtp_session import Receipt, announce, forget_envelope

_CLOSING = 421
_GOODBYE_SECONDS = 2.0


@dataclass(slots=True)
class _PooledConnection:
    """An open connection: how many messages it took, and since when it is idle (loop time)."""

    smtp: SMTP
    used: int = 0
    idle_since: float = 0.0


class SmtpPool:
    """At most `size` connections; idle ones are closed after `idle` seconds, or `uses` messages."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[SMTP]],
        *,
        size: int = 10,
        idle: float = 10.0,
        uses: int = 100,
    ) -> None:
        self._connect = connect
        self._slots = asyncio.Semaphore(size)
        self._idle = idle
        self._uses = uses
        self._unused: list[_PooledConnection] = []
        self._busy = 0
        self._reaper: asyncio.TimerHandle | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()

    @property
    def is_unused(self) -> bool:
        """Tell whether the pool holds no connection and nobody waits for one."""
        return not self._unused and not self._busy

    async def send(self, mail: Mail) -> Receipt:
        """Send one message. Raises what aiosmtplib raises."""
        self._busy += 1
        try:
            async with self._slots:
                return await self._send(mail)
        finally:
            self._busy -= 1

    async def _send(self, mail: Mail) -> Receipt:
        pooled = self._unused.pop() if self._unused else _PooledConnection(await self._connect())
        is_fresh = pooled.used == 0
        pooled.used += 1
        try:
            try:
                refused = await announce(pooled.smtp, mail)
            except (SMTPException, OSError) as error:
                if is_fresh or not _is_stale(error):
                    raise
                pooled.smtp.close()
                pooled = _PooledConnection(await self._connect(), used=1)
                refused = await announce(pooled.smtp, mail)
            reply = await pooled.smtp.data(mail.data)
        except SMTPResponseException as error:
            if error.code > 0 and pooled.smtp.is_connected and await forget_envelope(pooled.smtp):
                self._keep(pooled)
            else:
                pooled.smtp.close()
            raise
        except BaseException:
            # Cancelled or out of step: whatever the server says next belongs to this message.
            pooled.smtp.close()
            raise
        self._keep(pooled)
        return Receipt(reply.message, refused)

    def _keep(self, pooled: _PooledConnection) -> None:
        if pooled.used >= self._uses or not pooled.smtp.is_connected:
            self._say_goodbye(pooled.smtp)
            return
        loop = asyncio.get_running_loop()
        pooled.idle_since = loop.time()
        self._unused.append(pooled)
        if self._reaper is None:
            self._reaper = loop.call_later(self._idle, self._reap)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        while self._unused and self._unused[0].idle_since + self._idle <= loop.time():
            self._say_goodbye(self._unused.pop(0).smtp)
        if self._unused:
            due = self._unused[0].idle_since + self._idle
            self._reaper = loop.call_at(due, self._reap)

    def _say_goodbye(self, smtp: SMTP) -> None:
        task = asyncio.get_running_loop().create_task(_quit(smtp))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def aclose(self) -> None:
        """Close the idle connections, and return when they are closed."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        while self._unused:
            self._say_goodbye(self._unused.pop().smtp)
        await asyncio.gather(*self._goodbyes)


def _is_stale(error: Exception) -> bool:
    """Tell whether a connection that worked before seems to have been dropped by the server."""
    if isinstance(error, SMTPResponseException):
        return error.code == _CLOSING
    return isinstance(error, (ConnectionError, TimeoutError))


async def _quit(smtp: SMTP) -> None:
    with contextlib.suppress(SMTPException, OSError, TimeoutError):
        await smtp.quit(timeout=_GOODBYE_SECONDS)
    smtp.close()
