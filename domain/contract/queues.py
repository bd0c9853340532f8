"""Task-queue names: each is a thing that operators scale alone."""

from __future__ import annotations

from domain.channels.types import ChannelType

RUNS = "runs"
FANOUT = "fanout"
# Alone on its queue, so that no other work can hold up what heals the rest.
SWEEP = "sweep"
DELIVER_EMAIL = "deliver-email"
DELIVER_SMS = "deliver-sms"
DELIVER_PUSH = "deliver-push"
DELIVER_CHAT = "deliver-chat"
DELIVER_WEBHOOK = "deliver-webhook"

DELIVERY_QUEUES: dict[ChannelType, str] = {
    ChannelType.EMAIL: DELIVER_EMAIL,
    ChannelType.SMS: DELIVER_SMS,
    ChannelType.PUSH: DELIVER_PUSH,
    ChannelType.CHAT: DELIVER_CHAT,
    ChannelType.HTTP: DELIVER_WEBHOOK,
}

ALL_QUEUES: tuple[str, ...] = (RUNS, FANOUT, SWEEP, *DELIVERY_QUEUES.values())
