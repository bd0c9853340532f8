"""Trying content out on past runs, on a clock of its own, without sending or storing."""
