"""Webhooks: endpoints of customers that are told what happens in an environment."""
