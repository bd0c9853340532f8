"""Wire shapes of the Knock API, for its OpenAPI document."""
