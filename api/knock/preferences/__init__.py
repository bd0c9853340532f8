"""Preferences of users and objects, and the page that unsubscribes."""
