"""The Temporal client of a process."""

from __future__ import annotations

from temporalio.client import Client, TLSConfig
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter
from temporalio.envconfig import ClientConfig
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
