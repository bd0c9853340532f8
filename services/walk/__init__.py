"""The walk of a run through the steps of its workflow."""
