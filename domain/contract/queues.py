"""Task-queue names: each is a thing that operators scale alone."""

from __future__ import annotations

RUNS = "runs"
FANOUT = "fanout"
# Alone on its queue, so that no other work can hold up what heals the rest.
SWEEP = "sweep"
DELIVER_EMAIL = "deliver-email"
DELIVER_SMS = "deliver-sms"
DELIVER_PUSH = "deliver-push"
DELIVER_CHAT = "deliver-chat"
DELIVER_WEBHOOK = "deliver-webhook"
# Requests of fetch steps: their servers are slow or quick as customers please.
FETCH = "fetch"
# What a request asks to be done to many: long, and in nobody's way.
BULK = "bulk"

# Which channel type uses which is in `domain/channels/<type>.py`.
DELIVERY_QUEUES = (DELIVER_EMAIL, DELIVER_SMS, DELIVER_PUSH, DELIVER_CHAT, DELIVER_WEBHOOK)

ALL_QUEUES: tuple[str, ...] = (RUNS, FANOUT, SWEEP, *DELIVERY_QUEUES, FETCH, BULK)
