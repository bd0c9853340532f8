"""Every table, in one import: this is what makes them known to Alembic.

Only migrations and tests need it. Processes that serve run SQL from `models/queries/` and start a
second sooner without the table classes.
"""

from models.base import metadata
from models.cancellation import Cancellation
from models.channel import Channel, ChannelEnvironment
from models.content import Commit, ContentResource, ContentVersion
from models.delivery import PendingDelivery
from models.effect import OwedEffect
from models.environment import ApiKey, Environment, ServiceToken
from models.idempotency import IdempotencyRecord
from models.message import DeliveryAttempt, Message, MessageEvent
from models.recipient import ChannelData, PreferenceSet, Recipient
from models.release import SweepPosition, TriggerRelease
from models.run import RecipientRun, RecipientRunEvent, RunPatch, WorkflowRun

__all__ = [
    "ApiKey",
    "Cancellation",
    "Channel",
    "ChannelData",
    "ChannelEnvironment",
    "Commit",
    "ContentResource",
    "ContentVersion",
    "DeliveryAttempt",
    "Environment",
    "IdempotencyRecord",
    "Message",
    "MessageEvent",
    "OwedEffect",
    "PendingDelivery",
    "PreferenceSet",
    "Recipient",
    "RecipientRun",
    "RecipientRunEvent",
    "RunPatch",
    "ServiceToken",
    "SweepPosition",
    "TriggerRelease",
    "WorkflowRun",
    "metadata",
]
