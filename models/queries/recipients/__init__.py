"""Statements for users, objects, tenants and their channel data."""
