"""Hands events on to whoever has subscribed to them."""
