"""The walk of a run, as a local activity and, while something is away, as a regular one."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.faults import away
from domain.contract.runs import Advanced, AdvanceInput
from domain.kit.errors import Unavailable
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.engine import Engine
from services.walk import transaction as walk

_log = get_logger(__name__)

_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 600.0


class AdvanceActivities:
    """Walks runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="advance")
    async def advance(self, order: AdvanceInput) -> Advanced:
        """Walk a run on from a cursor until a step has to wait.

        A fault of ours stalls the run: it is tried again, at last every ten minutes, until the
        fault is mended. Its story says so, once.
        """
        try:
            return await walk.advance(self._engine, order)
        except Unavailable:
            failure = away()
        except Exception as error:
            fault = fault_of(error)
            info = activity.info()
            wait = None
            if not info.is_local:
                seconds = _FIRST_WAIT_SECONDS * 2 ** min(info.attempt - 1, 20)
                wait = timedelta(seconds=min(seconds, _LONGEST_WAIT_SECONDS))
                if await walk.tell_stalled(self._engine, order, fault.id, fault.type):
                    _log.error("run_stalled", run_id=order.run_id, **fault.fields())
            failure = ApplicationError(f"fault {fault.id}", type=fault.type, next_retry_delay=wait)
        raise failure
