"""What Temporal histories hold: payloads and names of queues.

Histories live up to a year: only add fields, last and with defaults, and never rename a queue.
"""
