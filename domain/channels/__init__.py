"""Channel types and what a request says about a channel."""
