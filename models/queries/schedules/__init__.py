"""Statements over schedules."""
