"""indexes of lists.

Messages are found by what triggers said and by their categories, runs of a trigger in the order of
their ids, and commits by the resource that they have published.
"""

from collections.abc import Mapping
from typing import Any

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES: Mapping[str, Mapping[str, Any]] = {
    "ix_commits_environment_id_resource_type_resource_key_id": {
        "table_name": "commits",
        "columns": ["environment_id", "resource_type", "resource_key", "id"],
    },
    "ix_recipient_runs_workflow_run_id_id": {
        "table_name": "recipient_runs",
        "columns": ["workflow_run_id", "id"],
    },
    "ix_messages_values": {
        "table_name": "messages",
        "columns": ["data", "categories"],
        "postgresql_using": "gin",
        "postgresql_ops": {"data": "jsonb_path_ops"},
    },
}
# What the index of runs takes the place of.
_RUNS_BEFORE = "ix_recipient_runs_workflow_run_id"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        for name, index in _INDEXES.items():
            # An attempt that was broken off leaves one that is not valid.
            op.drop_index(name, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, **index, postgresql_concurrently=True)
        op.drop_index(_RUNS_BEFORE, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(_RUNS_BEFORE, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _RUNS_BEFORE, "recipient_runs", ["workflow_run_id"], postgresql_concurrently=True
        )
        for name in _INDEXES:
            op.drop_index(name, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
