"""Bulk operations: requests, and how far they have come."""
