"""What tests share: servers, builders, doubles for the edges."""
