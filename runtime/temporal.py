"""The Temporal client of a process, and the native threads on which it works."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
import threading
import time
import weakref
from functools import cache

from temporalio.client import Client, TLSConfig
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from runtime.settings import Settings

# They keep the type adapters that they have built.
_KEPT = tuple(PydanticPayloadConverter().converters.values())


class PayloadConverter(CompositePayloadConverter):
    """Pydantic's conversions, the same ones in every instance.

    A worker makes an instance for each workflow, and one that started with no type adapters would
    build those of a run's input and of its directive anew: milliseconds of CPU for each run.
    """

    def __init__(self) -> None:
        super().__init__(*_KEPT)


# Decoding a directive costs a tenth of what the default converter takes, which reads the type hints
# anew each time. The JSON on the wire is the same.
DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
# How long the end of a process waits for a native thread that is in Python.
_LAST_MOMENT_SECONDS = 5.0


@cache
def native_runtime() -> Runtime:
    """Return the threads of this process on which the SDK's native part works.

    Whatever the SDK makes takes them from here, so that they can be ended. What they log goes
    through our own logs, see `runtime/logs.py`.
    """
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
    )
    levels = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(levels, forwarding=forwarding)))


@atexit.register
def _end_native_threads() -> None:
    """End them before the interpreter ends: one that is in Python then aborts the process.

    One that has just handed an answer over is still on its way back, on a busy machine for as long
    as it takes a command to end. All of them end with the last object that uses them.
    """
    if not native_runtime.cache_info().currsize:
        return
    in_use = weakref.ref(native_runtime())
    native_runtime.cache_clear()
    deadline = time.monotonic() + _LAST_MOMENT_SECONDS
    while sys._current_frames().keys() - {threading.get_ident()} and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    if in_use() is not None:  # by a client in a circle of references
        gc.unfreeze()
        gc.collect()


async def connect(settings: Settings, *, lazy: bool, identity: str) -> Client:
    """Connect to Temporal.

    TLS, API keys and certificates come from Temporal's own variables and profiles
    (`TEMPORAL_TLS_CLIENT_CERT_PATH`, `TEMPORAL_API_KEY`, …), so Temporal Cloud is configuration.

    Args:
        settings: address and namespace.
        lazy: connect with the first call instead of now; lets the API start without Temporal.
        identity: what the Temporal UI shows as the caller.
    """
    profile = ClientConfig.load_client_connect_config()
    tls: TLSConfig | bool | None = profile.get("tls")
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        lazy=lazy,
        identity=identity,
        data_converter=DATA_CONVERTER,
        runtime=native_runtime(),
        tls=tls if tls is not None else False,
        api_key=profile.get("api_key"),
        # Ids only travel; compressing them costs more than it saves on a local network.
        grpc_compression=GrpcCompression.NONE,
    )


def is_unreachable(error: BaseException) -> bool:
    """Tell whether an error means that Temporal is down, slow or overloaded as a whole."""
    if isinstance(error, TimeoutError):
        return True
    # A lazy client that never reached Temporal has no type of its own for that.
    if isinstance(error, RuntimeError):
        return str(error).startswith("Failed client connect")
    return isinstance(error, RPCError) and error.status in {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }


def is_away(error: BaseException) -> bool:
    """Tell whether to try again later: Temporal is away, or was for this one call."""
    if is_unreachable(error):
        return True
    return isinstance(error, RPCError) and error.status in {
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.INTERNAL,
    }
