"""Providers of push notifications. Reached through `providers/registry.py` only."""
