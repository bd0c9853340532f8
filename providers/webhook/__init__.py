"""Providers of webhook steps. Reached through `providers/registry.py` only."""
