"""whose index of feeds knows what they are filtered by, so that no item is read for that."""

from collections.abc import Mapping, Sequence

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0014"
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
_BEFORE = "ix_messages_recipient_engagement"
_AFTER = "ix_messages_recipient_feed"
_ENGAGEMENT = ["seen_at", "read_at", "archived_at", "tenant_id"]
_INCLUDES: Mapping[str, Sequence[str]] = {
    _BEFORE: _ENGAGEMENT,
    _AFTER: [*_ENGAGEMENT, "workflow_key", "categories"],
}


def _replace(old: str, new: str) -> None:
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        # An attempt that was broken off leaves one that is not valid.
        op.drop_index(new, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            new,
            "messages",
            _COLUMNS,
            postgresql_concurrently=True,
            postgresql_include=_INCLUDES[new],
        )
        op.drop_index(old, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")


def upgrade() -> None:
    _replace(_BEFORE, _AFTER)


def downgrade() -> None:
    _replace(_AFTER, _BEFORE)
