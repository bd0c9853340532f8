"""how recipients and feeds are found.

The index of a recipient's messages knows what was done with them, so that a feed is counted, and
its page found, without reading the messages. The key of recipients is made again, as it is: where
a table has no statistics yet, PostgreSQL takes of two indexes that seem alike the newer one, and
that of the list would be passed through from end to end for each recipient that is looked up.
"""

from collections.abc import Mapping
from typing import Any

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COLUMNS = (
    "environment_id",
    "recipient_id",
    "collection",
    text("inserted_at DESC"),
    text("id DESC"),
    "channel_id",
)
_BEFORE = "ix_messages_recipient"
_AFTER = "ix_messages_recipient_engagement"
_INCLUDES: Mapping[str, Mapping[str, Any]] = {
    _BEFORE: {},
    _AFTER: {"postgresql_include": ["seen_at", "read_at", "archived_at", "tenant_id"]},
}


def _replace(old: str, new: str) -> None:
    # An attempt that was broken off leaves one that is not valid.
    op.drop_index(new, if_exists=True, postgresql_concurrently=True)
    op.create_index(new, "messages", _COLUMNS, postgresql_concurrently=True, **_INCLUDES[new])
    op.drop_index(old, if_exists=True, postgresql_concurrently=True)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        _replace(_BEFORE, _AFTER)
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS pk_recipients_ccnew")
        op.execute("REINDEX INDEX CONCURRENTLY pk_recipients")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _replace(_AFTER, _BEFORE)
        op.execute("SET lock_timeout = '5s'")
