"""short links.

Links in messages that have no room for a longer one.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "short_links",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient_id", sa.Text(collation="C"), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_short_links")),
    )
    op.create_index(
        "ix_short_links_recipient",
        "short_links",
        ["environment_id", "recipient_id", "collection", "inserted_at"],
        unique=False,
    )


def downgrade() -> None:
    # Short links that were sent lead nowhere from here on.
    op.drop_index("ix_short_links_recipient", table_name="short_links")
    op.drop_table("short_links")
