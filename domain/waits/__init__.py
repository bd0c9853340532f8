"""Runs that wait for an event: the rows, and the events that may end their wait."""
