"""Statements over batches and their items."""
