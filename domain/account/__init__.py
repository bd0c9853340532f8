"""Environments, and the credentials that open them."""
