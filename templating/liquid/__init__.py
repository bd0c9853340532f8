"""Liquid: environment, filters, tags, limits, look-ups."""
