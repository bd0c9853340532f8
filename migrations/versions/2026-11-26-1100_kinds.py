"""Tags, preference categories, preference centers, schemas, members and assets."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.Text(collation="C"), nullable=True),
        sa.Column("mime_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("asset_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("avatar_url", sa.Text(collation="C"), nullable=True),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
    )
    op.create_index("uq_members_email", "members", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "preference_categories",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_preference_categories")),
    )
    op.create_table(
        "tags",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(collation="C"), nullable=True),
        sa.Column("color", sa.Text(collation="C"), nullable=True),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tags")),
    )
    op.create_table(
        "preference_centers",
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "config", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id"],
            ["environments.id"],
            name=op.f("fk_preference_centers_environment_id"),
        ),
        sa.PrimaryKeyConstraint("environment_id", name=op.f("pk_preference_centers")),
    )
    op.create_table(
        "schema_properties",
        sa.Column("environment_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(collation="C"), nullable=True),
        sa.Column("description", sa.Text(collation="C"), nullable=True),
        sa.Column("type", sa.Text(collation="C"), nullable=True),
        sa.Column("item_type", sa.Text(collation="C"), nullable=True),
        sa.Column("preview_text", sa.Text(collation="C"), nullable=True),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id"],
            ["environments.id"],
            name=op.f("fk_schema_properties_environment_id"),
        ),
        sa.PrimaryKeyConstraint(
            "environment_id", "collection", "key", name=op.f("pk_schema_properties")
        ),
    )


def downgrade() -> None:
    op.drop_table("schema_properties")
    op.drop_table("preference_centers")
    op.drop_table("tags")
    op.drop_table("preference_categories")
    op.drop_index("uq_members_email", table_name="members")
    op.drop_table("members")
    op.drop_table("assets")
