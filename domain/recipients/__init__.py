"""References to recipients, and what requests say about them."""
