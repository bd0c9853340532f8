"""Liquid: environment, filters, rendering."""
