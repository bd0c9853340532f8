"""The Management API, one module per resource; all take a service token."""
