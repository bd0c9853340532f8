"""What a run's recipient adds to the data of its trigger."""

from __future__ import annotations

# SQL for a run `r`: what was said of its recipient, or of the object that was named and led to it.
OWN_DATA = """coalesce(r.trigger_data, (
    SELECT root.trigger_data FROM followed_objects through
    JOIN followed_objects root ON root.id = through.root_id WHERE through.id = r.through_id))"""
