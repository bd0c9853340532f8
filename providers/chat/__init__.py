"""Providers of chat messages. Reached through `providers/registry.py` only."""
