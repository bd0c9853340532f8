"""Tells browsers at once of new items in their feeds and of guides that have changed."""
