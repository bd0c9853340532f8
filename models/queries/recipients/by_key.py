"""Recipients of whom statements are given the keys, many at once, and how they are looked up."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain.recipients.refs import RecipientRef

# The keys of `key_values`.
GIVEN = "unnest(%(collections)s::text[], %(ids)s::text[]) AS given (collection, id)"
# Joined to what is given as any table, recipients would be read whole as long as PostgreSQL has not
# looked at them: it takes an environment for a few rows, and keeps to that for a minute after they
# have come by the thousand.
BY_KEY = """
SELECT * FROM recipients r
WHERE r.environment_id = %(environment_id)s AND r.collection = given.collection AND r.id = given.id
LIMIT 1
"""


def key_values(environment_id: UUID, refs: Collection[RecipientRef]) -> dict[str, object]:
    """Return the parameters of `GIVEN` and `BY_KEY`."""
    return {
        "environment_id": environment_id,
        "collections": [ref.collection for ref in refs],
        "ids": [ref.id for ref in refs],
    }
