"""Statements for the sweep: owed effects and positions."""
