"""Durable orchestration: imports domain and temporalio only."""

from temporal_workflows.batch_window import BatchWindowWorkflow
from temporal_workflows.broadcast import BroadcastWorkflow
from temporal_workflows.bulk_operation import BulkOperationWorkflow
from temporal_workflows.cancel_fanout import CancelFanoutWorkflow
from temporal_workflows.message_delivery import MessageDeliveryWorkflow
from temporal_workflows.recipient_run import RecipientRunWorkflow
from temporal_workflows.schedule_clock import ScheduleClockWorkflow
from temporal_workflows.source_event import SourceEventWorkflow
from temporal_workflows.status_check import StatusCheckWorkflow
from temporal_workflows.sweep import SweepWorkflow
from temporal_workflows.trigger_fanout import TriggerFanoutWorkflow
from temporal_workflows.webhook_delivery import WebhookDeliveryWorkflow

WORKFLOWS = (
    RecipientRunWorkflow,
    BatchWindowWorkflow,
    BroadcastWorkflow,
    TriggerFanoutWorkflow,
    CancelFanoutWorkflow,
    MessageDeliveryWorkflow,
    ScheduleClockWorkflow,
    BulkOperationWorkflow,
    SweepWorkflow,
    SourceEventWorkflow,
    StatusCheckWorkflow,
    WebhookDeliveryWorkflow,
)

__all__ = [
    "WORKFLOWS",
    "BatchWindowWorkflow",
    "BroadcastWorkflow",
    "BulkOperationWorkflow",
    "CancelFanoutWorkflow",
    "MessageDeliveryWorkflow",
    "RecipientRunWorkflow",
    "ScheduleClockWorkflow",
    "SourceEventWorkflow",
    "StatusCheckWorkflow",
    "SweepWorkflow",
    "TriggerFanoutWorkflow",
    "WebhookDeliveryWorkflow",
]
