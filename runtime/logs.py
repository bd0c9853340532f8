"""Structured logs: one JSON object per line in production, readable text in development.

An exception is told by its type and the places it came through. Its words may quote a customer's
data, as PostgreSQL's do, and so do those of every library.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
from typing import Any

import structlog

from runtime.faults import fault_of
from runtime.settings import Settings

# How long nothing more is said of a database that is away, or of workflow tasks that wait for it.
_SILENT_SECONDS = 30.0
# How Temporal's SDK marks that a workflow task took more than five seconds.
_SLOW_TASK = "[TMPRL1104]"
_NOISY = ("httpx", "httpcore", "asyncio", "psycopg.pool", "alembic", "mail.log")


def configure_logs(settings: Settings, *, process: str) -> None:
    """Set up structlog and the standard library's loggers for this process.

    Args:
        settings: level and format.
        process: written with every line, for example `api`.
    """
    # A process that crashes in native code, or is ended because it hangs, says where it was.
    faulthandler.enable(sys.__stderr__ or sys.stderr)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _without_words,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.error").addFilter(_is_no_handshake)
    log = get_logger(__name__)
    logging.getLogger("psycopg.pool").filters[:] = [_DatabaseAway(log)]
    logging.getLogger("temporalio.core").filters[:] = [_SlowTasks(log)]


class _OnceInAWhile(logging.Filter):
    """Replaces lines of a library that come in swarms by one of ours, once in half a minute."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        super().__init__()
        self._log = log
        self._silent_until = 0.0

    def is_due(self, record: logging.LogRecord) -> bool:
        """Tell whether it is time for a line of ours, and count it as written."""
        if record.created < self._silent_until:
            return False
        self._silent_until = record.created + _SILENT_SECONDS
        return True


class _DatabaseAway(_OnceInAWhile):
    """Tells in one line that the database is away, where the pool has one for every connection."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the pool's own line is logged."""
        text = record.getMessage()
        if text.startswith("discarding"):  # it connects again, and says so if that fails
            return False
        if not text.startswith(("error connecting", "reconnection attempt")):
            return True
        if self.is_due(record):
            reason = text.partition("\n")[0].partition(": ")[2] or text
            self._log.warning("database_away", detail=reason)
        return False


class _SlowTasks(_OnceInAWhile):
    """Tells in one line that workflow tasks take long, where the SDK has one for every task.

    A walk is a local activity, so its workflow task lasts as long as it waits for the database.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the SDK's own line is logged."""
        text = record.getMessage()
        if not text.startswith(_SLOW_TASK):
            return True
        if self.is_due(record):
            detail = text.removeprefix(_SLOW_TASK).partition(" {")[0]  # without its figures
            self._log.warning("workflow_task_slow", detail=detail.strip())
        return False


def _is_no_handshake(record: logging.LogRecord) -> bool:
    """Tell a line from those in which uvicorn shows the query of a socket: it holds credentials."""
    return record.levelno > logging.DEBUG and '"WebSocket' not in str(record.msg)


def _without_words(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace an exception by its type, its places, and the id by which histories name it."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(fault_of(error).fields())
    return event


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger that takes an event and key-values; never log personal data."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
