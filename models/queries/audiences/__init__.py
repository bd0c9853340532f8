"""Statements over the members of audiences."""
