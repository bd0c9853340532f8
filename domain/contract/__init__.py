"""What Temporal histories hold: payloads and queue names. Only ever added to."""
