"""CSV files of users.

A broadcast may have its recipients from a file, each with data of its own.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_csv"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In the order in which a broadcast that is sent takes them.
    op.execute("LOCK TABLE broadcasts, broadcast_addressees IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "broadcast_recipients",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant_id", sa.Text(collation="C"), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint(
            "upload_id", "user_id", "tenant_id", name=op.f("pk_broadcast_recipients")
        ),
    )
    op.create_index(
        op.f("ix_broadcast_recipients_environment_id_user_id"),
        "broadcast_recipients",
        ["environment_id", "user_id"],
    )
    op.add_column("broadcasts", sa.Column("upload_id", sa.Uuid(), nullable=True))
    op.add_column(
        "broadcasts",
        sa.Column("upload_is_complete", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "broadcast_addressees",
        sa.Column("data", postgresql.JSONB(none_as_null=True), nullable=True),
    )


def downgrade() -> None:
    op.execute("LOCK TABLE broadcasts, broadcast_addressees IN ACCESS EXCLUSIVE MODE")
    # A draft that had its recipients from a file must not go to everybody instead.
    op.execute("DELETE FROM broadcasts WHERE upload_id IS NOT NULL AND status <> 'sent'")
    op.drop_column("broadcast_addressees", "data")
    op.drop_column("broadcasts", "upload_is_complete")
    op.drop_column("broadcasts", "upload_id")
    op.drop_table("broadcast_recipients")
