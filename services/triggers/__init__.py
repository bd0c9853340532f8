"""Accept triggers and cancels, and release them to Temporal."""
