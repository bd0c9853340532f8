"""Previews of templates, layouts and partials."""
