"""Processes and wiring."""
