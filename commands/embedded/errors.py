"""What stops an embedded part from working, in one line that says what to do."""


class EmbeddedError(Exception):
    """An embedded part cannot be prepared or started; the message is for people."""
