"""Liquid: environment, filters, tags, look-ups."""
