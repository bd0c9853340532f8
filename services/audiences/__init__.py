"""Audiences: who is in them."""
