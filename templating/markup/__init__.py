"""Markdown and HTML: rendered, cleaned, inlined, and turned into text."""
