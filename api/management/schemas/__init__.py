"""Wire shapes of the Management API, for its OpenAPI document."""
