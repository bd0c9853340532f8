"""Schedules: made, changed, paused; when they occur, and who is told of it."""
