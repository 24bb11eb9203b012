"""What lists filter by beside the manifests, who moved tags and what for, and what protected tags ask."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_METRICS = ("map50_95", "agreement50_95", "latency_ms")
_AT_ONCE = 500


def upgrade() -> None:
    """Add the columns and the tables, and summarize what is there."""
    op.add_column("tag_moves", sa.Column("who", sa.String(128)))
    op.add_column("tag_moves", sa.Column("message", sa.Text))
    op.create_index("artifacts_by_variant", "artifacts", ["name", "dtype", "target", "turn", "digest", "origin"])
    summaries = op.create_table(
        "summaries",
        sa.Column("digest", sa.String(71), sa.ForeignKey("artifacts.digest"), primary_key=True),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        *(sa.Column(metric, sa.Float) for metric in _METRICS),
    )
    op.create_table(
        "gates",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("tag", sa.String(128), nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("changed", sa.String(32), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("message", sa.Text),
    )
    op.create_index("gates_by_tag", "gates", ["name", "tag"])
    _summarize(op.get_bind(), summaries)


def _summarize(connection: sa.Connection, summaries: sa.Table) -> None:
    # SQLite leaves out what is most of a manifest ten times as fast as Python reads it.
    short = "CASE WHEN json_valid(manifest) THEN json_remove(manifest, '$.kernels', '$.expansion', '$.precision') END"
    manifest = short if connection.dialect.name == "sqlite" else "manifest"
    found = connection.exec_driver_sql(f"SELECT digest, {manifest} FROM artifacts")
    while part := found.fetchmany(_AT_ONCE):
        rows = [{"digest": digest, **summary} for digest, manifest in part if (summary := _summary(manifest))]
        if rows:
            connection.execute(summaries.insert(), rows)


def _summary(manifest: str) -> dict[str, object] | None:
    """None for what is damaged: it is listed as that."""
    try:
        read = json.loads(manifest)
        figures = {each["metric"]: float(each["value"]) for each in read.get("measured", ())}
        return {
            "created": read["created"],
            "model_sha256": read["model_sha256"],
            "bytes": sum(each["size"] for each in read["files"]),
            "width": read["input"]["width"],
            "height": read["input"]["height"],
            **{metric: figures.get(metric) for metric in _METRICS},
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
