"""Deliveries: claims, what providers take and say, what vendors report afterwards."""
