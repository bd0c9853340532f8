"""Who calls: keys, tokens, environments."""
