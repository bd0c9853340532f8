"""asked vendors.

Messages whose vendors are asked what became of them. And what a vendor calls a message finds it,
where the vendor tells of it by that name alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INDEX = "ix_messages_known_as"


def upgrade() -> None:
    # What was done stays when the index is broken off, and is met again by the next attempt.
    op.execute('ALTER TABLE messages ADD COLUMN IF NOT EXISTS known_as text COLLATE "C"')
    op.create_table(
        "status_checks",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("retry", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_status_checks")),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_status_checks_due_at"), "status_checks", ["due_at"], if_not_exists=True
    )
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        # An attempt that was broken off leaves one that is not valid.
        op.drop_index(_INDEX, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _INDEX,
            "messages",
            ["channel_id", "known_as"],
            postgresql_where=sa.text("known_as IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(_INDEX, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
    op.drop_column("messages", "known_as")
    # Vendors are asked no more then; what their messages have come to stays as it is known.
    op.drop_table("status_checks")
