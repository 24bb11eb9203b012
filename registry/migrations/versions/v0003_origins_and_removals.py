"""Where artifacts and figures came from, and what was removed: garbage is what somebody removed, nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the origins, and the table of what was removed."""
    op.add_column("artifacts", sa.Column("origin", sa.String(16)))
    op.add_column("measurements", sa.Column("origin", sa.String(16)))
    op.create_table(
        "removed",
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("moved", sa.String(32), nullable=False),
    )
