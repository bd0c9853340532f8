"""Adapters of the HTTP APIs of language models."""
