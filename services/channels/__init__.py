"""Channels, their settings per environment, and the providers made from them."""
