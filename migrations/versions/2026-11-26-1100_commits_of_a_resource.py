"""commits of a resource.

Their history is looked for to tell what a commit has changed, and what it took the place of.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "ix_commits_environment_id_resource_type_resource_key_id"


def upgrade() -> None:
    op.create_index(
        op.f(_NAME),
        "commits",
        ["environment_id", "resource_type", "resource_key", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f(_NAME), table_name="commits")
