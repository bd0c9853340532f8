"""Schedules: what they ask for, when they occur, and what is stored of them."""
