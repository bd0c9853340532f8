"""What a browser shows: feeds."""
