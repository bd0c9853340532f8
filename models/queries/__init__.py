"""Statements, one module per aggregate: the connection comes first, then the environment."""
