"""The HTTP face: no rules, no SQL."""
