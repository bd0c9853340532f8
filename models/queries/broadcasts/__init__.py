"""SQL over broadcasts."""
