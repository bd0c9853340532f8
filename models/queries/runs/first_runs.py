"""Where it is kept who has entered a workflow that may be entered once."""

from __future__ import annotations

# By whether it was in sandbox mode: what is tried out counts by itself, and keeps nobody from the
# run that is meant.
FIRST_RUN_TABLES = {False: "first_runs", True: "sandbox_first_runs"}
