"""Statements over the endpoints that are told what happens, and over what they are told."""
