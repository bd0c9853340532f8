"""Audiences of the Knock API."""
