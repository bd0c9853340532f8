"""Knock's notions as pure data and pure decisions. Imports nothing of ours and no framework."""
