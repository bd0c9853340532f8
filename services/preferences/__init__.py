"""Preferences: read, written, and taken back by a link."""
