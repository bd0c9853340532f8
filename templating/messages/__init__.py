"""From a template and its scope to the content of a message."""
