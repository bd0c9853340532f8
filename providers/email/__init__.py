"""Providers of e-mail. Reached through `providers/registry.py` only."""
