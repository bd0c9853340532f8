"""What every process stands on: settings, logs, database pool, Temporal client, encryption."""
