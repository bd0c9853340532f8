"""The walk of a run through the steps of its workflow."""

from services.walk.transaction import advance, tell_stalled

__all__ = ["advance", "tell_stalled"]
