"""Statements for recipient runs and their walks."""
