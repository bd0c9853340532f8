"""runs in sandbox mode of workflows that may be entered once, which are counted apart."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sandbox_first_runs",
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient_id", sa.Text(collation="C"), nullable=False),
        sa.Column("workflow_key", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant_id", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient_run_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "environment_id",
            "collection",
            "recipient_id",
            "workflow_key",
            "tenant_id",
            name=op.f("pk_sandbox_first_runs"),
        ),
    )


def downgrade() -> None:
    op.drop_table("sandbox_first_runs")
