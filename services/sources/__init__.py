"""Use cases of sources: set up, receive, act."""
