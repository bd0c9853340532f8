"""Wire shapes of the admin API that a route and a command share, or several modules."""
