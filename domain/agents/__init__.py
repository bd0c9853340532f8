"""Language models: which ones an environment may ask, and what they are asked."""
