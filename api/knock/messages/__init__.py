"""Messages, their statuses and contents."""
