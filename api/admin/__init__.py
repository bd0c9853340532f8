"""Our own API for what Knock offers only in its dashboard; all routes take a service token."""
