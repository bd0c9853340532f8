"""Links that tell us when they are followed, and what comes of it."""
