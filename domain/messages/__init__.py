"""Messages: their statuses, engagement, events and filters."""
