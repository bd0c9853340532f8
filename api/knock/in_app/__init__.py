"""Feeds, as browsers read them."""
