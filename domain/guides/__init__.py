"""Guides as users see them, and what they do with them."""
