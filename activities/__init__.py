"""Effects, one theme a file."""
