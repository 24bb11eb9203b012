"""Artifacts, and tags with their history."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables, and the row that writers take turns on."""
    registry = op.create_table(
        "registry",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("turn", sa.Integer, nullable=False),
    )
    op.bulk_insert(registry, [{"id": uuid.uuid4().hex, "turn": 0}])
    op.create_table(
        "artifacts",
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("dtype", sa.String(32), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
    )
    op.create_index("artifacts_by_name", "artifacts", ["name"])
    op.create_index("artifacts_by_fingerprint", "artifacts", ["fingerprint"])
    op.create_table(
        "tag_moves",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("tag", sa.String(128), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("moved", sa.String(32), nullable=False),
        sa.Column("previous", sa.Integer, sa.ForeignKey("tag_moves.id")),
    )
    op.create_index("tag_moves_by_tag", "tag_moves", ["name", "tag"])
    op.create_table(
        "tag_members",
        sa.Column("move", sa.Integer, sa.ForeignKey("tag_moves.id"), primary_key=True),
        sa.Column("digest", sa.String(71), primary_key=True),
    )
