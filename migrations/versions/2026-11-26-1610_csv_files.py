"""CSV files of users, and guides for each tenant.

A broadcast may have its recipients from a file, each with data of its own. Processes of the version
before would send it to every user instead: the database refuses what they write then. What users do
with a guide that is new to them for each tenant has a table of its own, since processes of the
version before write the other one by its key.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
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
    op.create_table(
        "guide_tenant_engagements",
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("guide_key", sa.Text(collation="C"), nullable=False),
        sa.Column("step_ref", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant_id", sa.Text(collation="C"), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "environment_id",
            "user_id",
            "guide_key",
            "step_ref",
            "tenant_id",
            name=op.f("pk_guide_tenant_engagements"),
        ),
    )
    op.add_column("broadcasts", sa.Column("upload_id", sa.Uuid(), nullable=True))
    op.add_column(
        "broadcasts",
        sa.Column("upload_is_complete", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "broadcasts",
        sa.Column("upload_is_sent", sa.Boolean(), server_default="false", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_broadcasts_sent_to_upload"),
        "broadcasts",
        "status <> 'sent' OR upload_id IS NULL OR upload_is_sent",
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
    op.drop_constraint(op.f("ck_broadcasts_sent_to_upload"), "broadcasts", type_="check")
    op.drop_column("broadcasts", "upload_is_sent")
    op.drop_column("broadcasts", "upload_is_complete")
    op.drop_column("broadcasts", "upload_id")
    op.drop_table("broadcast_recipients")
    op.drop_table("guide_tenant_engagements")
