"""Trigger and cancel workflows."""
