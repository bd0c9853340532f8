"""What browsers hear at once of: new items of their feeds, and guides that have changed."""
