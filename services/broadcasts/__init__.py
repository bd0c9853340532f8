"""Broadcasts: write, send, stop."""
