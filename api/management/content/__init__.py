"""Workflows, commits and annotations."""
