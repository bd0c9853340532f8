"""Every table, in one import: this is what makes them known to Alembic.

Only migrations and tests need it. Processes that serve run SQL from `models/queries/` and start a
second sooner without the table classes.
"""

from models.tables.audience import AudienceBuild, AudienceMember
from models.tables.base import metadata
from models.tables.batch import Batch, BatchItem
from models.tables.broadcast import Broadcast, BroadcastAddressee
from models.tables.bulk import BulkItem, BulkOperation
from models.tables.cancellation import Cancellation
from models.tables.channel import Channel, ChannelEnvironment
from models.tables.content import Commit, ContentResource, ContentVersion
from models.tables.delivery import PendingDelivery
from models.tables.effect import OwedEffect
from models.tables.environment import ApiKey, Environment, ServiceToken
from models.tables.expansion import FollowedObject, TriggerExpansion
from models.tables.fetch import PendingFetch
from models.tables.guide import GuideDisplay, GuideEngagement, GuideGroup
from models.tables.idempotency import IdempotencyRecord
from models.tables.message import DeliveryAttempt, Message, MessageEvent
from models.tables.outbox import OutboxEntry, OutboxReader, OutboxSubscription
from models.tables.recipient import (
    ChannelData,
    DefaultPreferenceSet,
    PreferenceSet,
    Recipient,
    Subscription,
)
from models.tables.release import SweepPosition, TriggerRelease
from models.tables.run import FirstRun, RecipientRun, RecipientRunEvent, RunPatch, WorkflowRun
from models.tables.schedule import MovedRecipient, Schedule
from models.tables.throttle import ThrottlePass

__all__ = [
    "ApiKey",
    "AudienceBuild",
    "AudienceMember",
    "Batch",
    "BatchItem",
    "Broadcast",
    "BroadcastAddressee",
    "BulkItem",
    "BulkOperation",
    "Cancellation",
    "Channel",
    "ChannelData",
    "ChannelEnvironment",
    "Commit",
    "ContentResource",
    "ContentVersion",
    "DefaultPreferenceSet",
    "DeliveryAttempt",
    "Environment",
    "FirstRun",
    "FollowedObject",
    "GuideDisplay",
    "GuideEngagement",
    "GuideGroup",
    "IdempotencyRecord",
    "Message",
    "MessageEvent",
    "MovedRecipient",
    "OutboxEntry",
    "OutboxReader",
    "OutboxSubscription",
    "OwedEffect",
    "PendingDelivery",
    "PendingFetch",
    "PreferenceSet",
    "Recipient",
    "RecipientRun",
    "RecipientRunEvent",
    "RunPatch",
    "Schedule",
    "ServiceToken",
    "Subscription",
    "SweepPosition",
    "ThrottlePass",
    "TriggerExpansion",
    "TriggerRelease",
    "WorkflowRun",
    "metadata",
]
