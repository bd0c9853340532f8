"""Bulk operations: accepted at once, worked through in chunks, and counted as they go."""
