"""Messages as they are read, and what recipients do with them."""
