"""whose feed leaves out an item that waits for its send window."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = ("collection", "recipient_id")
_HELD = "ix_deliveries_held_items"


def upgrade() -> None:
    for column in _COLUMNS:
        # What was done stays when the index is broken off, and is met again by the next attempt.
        op.execute(f'ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS {column} text COLLATE "C"')
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        # An attempt that was broken off leaves one that is not valid.
        op.drop_index(_HELD, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _HELD,
            "deliveries",
            ["environment_id", "recipient_id", "collection"],
            postgresql_where=sa.text("recipient_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(_HELD, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
    for column in reversed(_COLUMNS):
        op.drop_column("deliveries", column)
