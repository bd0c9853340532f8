"""What content looks like for somebody, before anything is sent."""
