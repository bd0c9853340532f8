"""removed environments.

An environment that was taken out of the chain is marked, until all that it had is deleted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006_removed_environments"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "environments", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    # To the version before, an environment that is half deleted is one like the others.
    op.drop_column("environments", "removed_at")
