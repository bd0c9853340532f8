"""Bulk operations: what they are asked for, and what is stored of them."""
