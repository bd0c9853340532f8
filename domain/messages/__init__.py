"""Statuses, delivery rules, engagement and filters of messages."""
