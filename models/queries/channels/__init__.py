"""Statements for channels and their settings."""
