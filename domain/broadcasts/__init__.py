"""Broadcasts: one message of authors to many users at once, sent once."""
