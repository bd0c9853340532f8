"""Words that every area uses: errors, ids, clock, JSON, pages, zones, durations."""
