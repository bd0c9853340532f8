"""Statements over preference sets: of recipients, and the defaults of environments."""
