"""What leaves an activity as an error: our own words, or the type and the places of a fault.

The text of an unexpected exception may quote a customer's data (PostgreSQL quotes the row), and
Temporal keeps failures in histories and shows them in its UI.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.kit.errors import Unavailable
from runtime.faults import fault_of
from runtime.logs import get_logger

_log = get_logger(__name__)


def away() -> ApplicationError:
    """Return the error of an activity that could not reach the database."""
    return ApplicationError(
        "a required service is unavailable",
        type="Unavailable",
        category=ApplicationErrorCategory.BENIGN,
    )


def again(message: str, kind: str, seconds: float) -> ApplicationError:
    """Return the error that makes Temporal start the next attempt after some seconds."""
    return ApplicationError(
        message,
        type=kind,
        next_retry_delay=timedelta(seconds=seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


class SafeFailures(Interceptor):
    """Keeps the text of unexpected exceptions from leaving any activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activities of a worker."""
        return _SafeActivity(next)


class _SafeActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run the activity; replace what it raises unless it is an error of ours."""
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Unavailable:
            failure = away()
        except Exception as error:
            fault = fault_of(error)
            name = activity.info().activity_type
            _log.error("activity_fault", activity=name, **fault.fields())
            failure = ApplicationError(f"fault {fault.id}", type=fault.type)
        # Outside of the handlers: an exception remembers the one that was being handled.
        raise failure
