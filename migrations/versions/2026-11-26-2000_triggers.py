"""Who is held back from a workflow that is entered once, and triggers by their actors.

A trigger notes whom it names and makes no run for, because they have had theirs. What somebody has
caused is found when that user is merged into another one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ACTORS = "ix_workflow_runs_actor"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        # An attempt that was broken off leaves one that is not valid.
        op.drop_index(_ACTORS, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _ACTORS,
            "workflow_runs",
            ["environment_id", "actor_id", "actor_collection", "id"],
            postgresql_where=sa.text("actor_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.execute("SET lock_timeout = '5s'")
    op.add_column(
        "workflow_runs",
        sa.Column("held_back_recipients", postgresql.JSONB(none_as_null=True), nullable=True),
    )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(_ACTORS, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
    op.drop_column("workflow_runs", "held_back_recipients")
