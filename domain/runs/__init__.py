"""Recipient runs: where they stand, what is stored of them, and their stories."""
