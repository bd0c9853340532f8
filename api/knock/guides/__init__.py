"""Guides of users."""
