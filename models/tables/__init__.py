"""Every table, in one import: this is what makes them known to Alembic.

Only migrations and tests need it. Processes that serve run SQL from `models/queries/` and start a
second sooner without the table classes.
"""

from models.tables.attachment import StoredAttachment
from models.tables.audience import AudienceBuild, AudienceMember
from models.tables.base import metadata
from models.tables.batch import Batch, BatchItem
from models.tables.broadcast import Broadcast, BroadcastAddressee, BroadcastRecipient
from models.tables.bulk import BulkItem, BulkOperation
from models.tables.cancellation import Cancellation
from models.tables.channel import Channel, ChannelEnvironment, ChannelGroup, ChannelHold
from models.tables.check import StatusCheck
from models.tables.content import Branch, Commit, ContentResource, ContentVersion
from models.tables.delivery import PendingDelivery
from models.tables.effect import OwedEffect
from models.tables.environment import ApiKey, Environment, ServiceToken, SigningKey
from models.tables.expansion import FollowedObject, TriggerExpansion
from models.tables.fetch import PendingFetch
from models.tables.guide import (
    GuideDisplay,
    GuideEngagement,
    GuideGroup,
    GuideTenantEngagement,
)
from models.tables.idempotency import IdempotencyRecord
from models.tables.item_schema import SchemaProperty
from models.tables.label import PreferenceCategory, Tag
from models.tables.member import Asset, Member
from models.tables.message import DeliveryAttempt, Message, MessageEvent
from models.tables.model_provider import ModelProvider
from models.tables.outbox import OutboxEntry, OutboxReader, OutboxSubscription
from models.tables.preference_center import PreferenceCenter
from models.tables.recipient import (
    ChannelData,
    DefaultPreferenceSet,
    PreferenceSet,
    Recipient,
    Subscription,
)
from models.tables.release import SweepPosition, TriggerRelease
from models.tables.run import (
    FirstRun,
    RecipientRun,
    RecipientRunEvent,
    RunPatch,
    SandboxFirstRun,
    WorkflowRun,
)
from models.tables.schedule import MovedRecipient, Schedule
from models.tables.source import (
    Source,
    SourceEnvironment,
    SourceEvent,
    SourceEventAction,
    SourceEventKey,
)
from models.tables.throttle import ThrottlePass
from models.tables.tracking import ShortLink
from models.tables.variable import Branding, Variable, VariableValue
from models.tables.wait import AwaitedChange, EventWait
from models.tables.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "ApiKey",
    "Asset",
    "AudienceBuild",
    "AudienceMember",
    "AwaitedChange",
    "Batch",
    "BatchItem",
    "Branch",
    "Branding",
    "Broadcast",
    "BroadcastAddressee",
    "BroadcastRecipient",
    "BulkItem",
    "BulkOperation",
    "Cancellation",
    "Channel",
    "ChannelData",
    "ChannelEnvironment",
    "ChannelGroup",
    "ChannelHold",
    "Commit",
    "ContentResource",
    "ContentVersion",
    "DefaultPreferenceSet",
    "DeliveryAttempt",
    "Environment",
    "EventWait",
    "FirstRun",
    "FollowedObject",
    "GuideDisplay",
    "GuideEngagement",
    "GuideGroup",
    "GuideTenantEngagement",
    "IdempotencyRecord",
    "Member",
    "Message",
    "MessageEvent",
    "ModelProvider",
    "MovedRecipient",
    "OutboxEntry",
    "OutboxReader",
    "OutboxSubscription",
    "OwedEffect",
    "PendingDelivery",
    "PendingFetch",
    "PreferenceCategory",
    "PreferenceCenter",
    "PreferenceSet",
    "Recipient",
    "RecipientRun",
    "RecipientRunEvent",
    "RunPatch",
    "SandboxFirstRun",
    "Schedule",
    "SchemaProperty",
    "ServiceToken",
    "ShortLink",
    "SigningKey",
    "Source",
    "SourceEnvironment",
    "SourceEvent",
    "SourceEventAction",
    "SourceEventKey",
    "StatusCheck",
    "StoredAttachment",
    "Subscription",
    "SweepPosition",
    "Tag",
    "ThrottlePass",
    "TriggerExpansion",
    "TriggerRelease",
    "Variable",
    "VariableValue",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WorkflowRun",
    "metadata",
]
