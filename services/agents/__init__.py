"""Language models: their settings, and asking them."""
