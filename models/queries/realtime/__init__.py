"""Statements that tell other processes of news, and look for what nobody was told of."""
