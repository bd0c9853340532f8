"""Workspaces of customers, as the components of Knock's browser client ask about them."""
