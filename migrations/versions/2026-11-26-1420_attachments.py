"""attachments.

The files that go with e-mails are kept once for each trigger.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("workflow_run_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(collation="C"), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_run_id", "digest", name=op.f("pk_attachments")),
    )


def downgrade() -> None:
    # Messages that are on their way go out without their attachments then, as they did before.
    op.drop_table("attachments")
