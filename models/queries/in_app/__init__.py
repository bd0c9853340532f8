"""Statements for feeds."""
