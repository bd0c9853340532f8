"""Trying content out before it is published: what is asked, and what is found."""
