"""Environments and the account itself."""
