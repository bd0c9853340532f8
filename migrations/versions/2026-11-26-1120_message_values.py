"""message values: an index by what triggers said and by categories, for lists of an environment."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_values",
        "messages",
        ["data", "categories"],
        postgresql_using="gin",
        postgresql_ops={"data": "jsonb_path_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_messages_values", table_name="messages")
