"""Where sources send their events to."""
