"""Providers of text messages. Reached through `providers/registry.py` only."""
