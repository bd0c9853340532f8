"""Statements about links that are followed and messages that are opened."""
