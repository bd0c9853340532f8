"""Users, objects and tenants: identify, read, look up."""
