"""waits for changes.

Runs wait for changes of their recipients and of audiences, and for messages of broadcasts and
guides.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "awaited_changes",
        sa.Column("recipient_run_id", sa.Uuid(), nullable=False),
        sa.Column("step_ref", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("variables", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "recipient_run_id", "step_ref", "id", name=op.f("pk_awaited_changes")
        ),
    )
    op.create_index(
        op.f("ix_awaited_changes_happened_at"), "awaited_changes", ["happened_at"], unique=False
    )
    op.add_column(
        "event_waits",
        sa.Column(
            "source_type",
            sqlmodel.sql.sqltypes.AutoString(),
            server_default="workflow",
            nullable=False,
        ),
    )


def downgrade() -> None:
    # A wait of a newer kind means nothing to the version before: its run goes on when it is over.
    op.drop_column("event_waits", "source_type")
    op.drop_index(op.f("ix_awaited_changes_happened_at"), table_name="awaited_changes")
    op.drop_table("awaited_changes")
