"""Trigger and cancel requests, and idempotency keys."""
