"""Statements for drafts, versions, commits and the catalog."""
