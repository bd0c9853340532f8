"""Work that nobody waits for: retention."""
