"""Previews: content rendered by the code of the walk, for somebody, and kept nowhere."""
