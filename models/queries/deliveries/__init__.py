"""Statements for messages on their way to a provider."""
