"""Authored content of every kind: its rows, and what each kind tells of itself."""
