"""Statements over bulk operations and their items."""
