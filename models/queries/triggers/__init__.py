"""Statements for triggers, cancels, their release and idempotency keys."""
