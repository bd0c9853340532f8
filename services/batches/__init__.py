"""Batches: how items join them, and how their windows close."""
