"""Statements over sources, what they sent, and what came of it."""
