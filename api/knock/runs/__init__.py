"""Workflow recipient runs."""
