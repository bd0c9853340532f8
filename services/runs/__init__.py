"""Recipient runs as they are read, and their reconciliation with Temporal."""
