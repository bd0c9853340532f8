"""The crash test: kill every part of a running product, then check every promise it made."""
