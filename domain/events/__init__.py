"""What happened, as it is handed on to readers in the outbox."""
