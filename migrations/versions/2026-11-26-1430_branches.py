"""branches.

Content belongs to a branch. What an environment has itself becomes its main branch, which has the
id of the environment, so every row of before is where it was, and older processes find it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OF_CONTENT = ("content_resources", "content_versions", "commits")
_WITH_BRANCH = ("workflow_runs", "batches", "schedules")
# What of a piece of content, and where, is in the configuration.
_PUBLISHED = """environment_id, resource_type, key, published_version_id, active, active_from,
    active_until, archived_at"""
# By operation, what the trigger sees of it and what it calls.
_WATCHED = {
    "INSERT": ("NEW TABLE AS changed", "raise_config_version_of_content"),
    "DELETE": ("OLD TABLE AS changed", "raise_config_version_of_content"),
    "UPDATE": (
        "OLD TABLE AS before NEW TABLE AS after",
        "raise_config_version_of_changed_content",
    ),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in _WITH_BRANCH:
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS branch_id uuid")
        # It stops nobody while it waits for the transactions of before, however long they take.
        op.execute("SET lock_timeout = 0")
        op.drop_index("ix_schedules_branch_id", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_schedules_branch_id",
            "schedules",
            ["branch_id"],
            unique=False,
            postgresql_where=sa.text("branch_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
        # Deleting versions asks for the commits that refer to them.
        op.drop_index("ix_commits_version_id", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_commits_version_id", "commits", ["version_id"], postgresql_concurrently=True
        )
        op.execute("SET lock_timeout = '5s'")
    _hold("environments", *_OF_CONTENT)
    op.create_table(
        "branches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(collation="C"), nullable=True),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environments.id"], name=op.f("fk_branches_environment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_branches")),
    )
    op.create_index(
        "ix_branches_slug",
        "branches",
        ["environment_id", "slug"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    # Whoever makes an environment, also a process of the version before, makes its main branch.
    op.execute(
        """
        CREATE FUNCTION make_main_branch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO branches (id, environment_id, inserted_at, updated_at)
            VALUES (NEW.id, NEW.id, NEW.inserted_at, NEW.inserted_at);
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER make_main_branch AFTER INSERT ON environments "
        "FOR EACH ROW EXECUTE FUNCTION make_main_branch()"
    )
    op.execute(
        "INSERT INTO branches (id, environment_id, inserted_at, updated_at) "
        "SELECT id, id, inserted_at, inserted_at FROM environments"
    )
    for table in _OF_CONTENT:
        name = op.f(f"fk_{table}_environment_id")
        op.drop_constraint(name, table, type_="foreignkey")
        op.create_foreign_key(name, table, "branches", ["environment_id"], ["id"])
    op.add_column("content_resources", sa.Column("base_version_id", sa.Uuid(), nullable=True))
    # What a commit has taken the place of: on a branch also what others have committed.
    op.add_column("commits", sa.Column("replaced_version_id", sa.Uuid(), nullable=True))
    op.alter_column(
        "content_resources",
        "draft",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=True,
    )
    op.execute("DROP TRIGGER raise_config_version ON content_resources")
    # What is published on a branch is a part of its environment's configuration. Whole statements
    # are watched, since a new branch has as many rows as there is content.
    for function, changed in (
        ("raise_config_version_of_content", "changed"),
        (
            "raise_config_version_of_changed_content",
            f"(SELECT {_PUBLISHED} FROM after EXCEPT SELECT {_PUBLISHED} FROM before) AS changed",  # noqa: S608
        ),
    ):
        op.execute(
            f"""
            CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE environments e SET config_version = e.config_version + 1
                WHERE e.id IN (
                    SELECT b.environment_id FROM {changed}
                    JOIN branches b ON b.id = changed.environment_id);
                RETURN NULL;
            END
            $$
            """  # noqa: S608 - constants
        )
    for operation, (tables, function) in _WATCHED.items():
        op.execute(
            f"CREATE TRIGGER raise_config_version_by_{operation.lower()} AFTER {operation} "
            f"ON content_resources REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    _hold("environments", *_OF_CONTENT)
    for operation in _WATCHED:
        op.execute(f"DROP TRIGGER raise_config_version_by_{operation.lower()} ON content_resources")
    for function in sorted({function for _, function in _WATCHED.values()}):
        op.execute(f"DROP FUNCTION {function}")
    op.execute(
        "CREATE TRIGGER raise_config_version AFTER INSERT OR DELETE OR UPDATE OF "
        "published_version_id, active, active_from, active_until, archived_at "
        "ON content_resources FOR EACH ROW EXECUTE FUNCTION raise_config_version()"
    )
    on_a_branch = "environment_id IN (SELECT id FROM branches WHERE slug IS NOT NULL)"
    for table in ("commits", "content_resources", "first_runs"):
        op.execute(f"DELETE FROM {table} WHERE {on_a_branch}")  # noqa: S608 - names of ours
    op.execute("DELETE FROM schedules WHERE branch_id IS NOT NULL")
    # Runs still walk through the versions of branches.
    op.execute(
        "UPDATE content_versions v SET environment_id = b.environment_id "
        "FROM branches b WHERE b.id = v.environment_id AND b.slug IS NOT NULL"
    )
    op.alter_column(
        "content_resources",
        "draft",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=False,
    )
    op.drop_column("content_resources", "base_version_id")
    op.drop_column("commits", "replaced_version_id")
    for table in _OF_CONTENT:
        name = op.f(f"fk_{table}_environment_id")
        op.drop_constraint(name, table, type_="foreignkey")
        op.create_foreign_key(name, table, "environments", ["environment_id"], ["id"])
    op.execute("DROP TRIGGER make_main_branch ON environments")
    op.execute("DROP FUNCTION make_main_branch")
    op.drop_table("branches")
    op.drop_index("ix_commits_version_id", table_name="commits")
    op.drop_index("ix_schedules_branch_id", table_name="schedules")
    for table in _WITH_BRANCH:
        op.drop_column(table, "branch_id")


def _hold(*tables: str) -> None:
    """Take at once the locks that the rest needs, in the order in which commits take theirs.

    Raised in between, they would meet a process of the version before that commits content.
    """
    op.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
