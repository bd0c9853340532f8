"""Statements for messages, their filters and engagement."""
