"""SQL over guides: their order, and what users did with them."""
