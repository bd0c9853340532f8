"""Statements for keys and environments."""
