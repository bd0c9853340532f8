"""Guides: whom they are shown to, and what users do with them."""
