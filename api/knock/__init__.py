"""The Knock API, one module per resource."""
