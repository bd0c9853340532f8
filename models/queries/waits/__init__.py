"""Statements over waits for events."""
