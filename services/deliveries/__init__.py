"""Bring messages to their providers: claims, attempts, limits, outcomes, retries."""
