"""Figures measured after publishing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of figures."""
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(71), sa.ForeignKey("artifacts.digest"), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("measured", sa.String(32), nullable=False),
    )
    op.create_index("measurements_by_digest", "measurements", ["digest"])
