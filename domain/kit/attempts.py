"""What attempts at something outside have in common, whether they send, tell or fetch."""

from __future__ import annotations

# Attempts whose process ended before it had stored an answer are counted apart from the others.
# After so many nothing is tried any more: perhaps processes end because of it.
MOST_INTERRUPTIONS = 20
