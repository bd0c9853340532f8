"""The socket on which browsers hear at once of their feeds and guides."""
