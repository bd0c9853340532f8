"""The only statements that write events, and those of the outbox that hands them on."""
