"""Durable orchestration: imports domain and temporalio only."""
