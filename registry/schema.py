"""The tables of the index, as the last migration leaves them.

An artifact's manifest is kept as the exact text its digest was taken over. The columns beside it repeat what
queries ask for; nothing reads them back as truth. Tags are nothing but their history: a tag is where its last
move put it.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

REVISION = "0003"  # of the newest migration; named here so that an ordinary command need not import alembic
VERSION_TABLE = "zcc_schema"

metadata = MetaData()

# One row. Every writing transaction updates it first, so in any database writers take turns; `turn` counts.
registry = Table(
    "registry",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("turn", Integer, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("digest", String(71), primary_key=True),
    Column("turn", Integer, nullable=False),
    Column("name", String(128), nullable=False),
    Column("dtype", String(32), nullable=False),
    Column("target", Text, nullable=False),
    Column("fingerprint", String(128), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("origin", String(16)),  # of rows.py; null: built here
    Index("artifacts_by_name", "name"),
    Index("artifacts_by_fingerprint", "fingerprint"),
)

tag_moves = Table(
    "tag_moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(128), nullable=False),
    Column("tag", String(128), nullable=False),
    Column("why", String(16), nullable=False),
    Column("moved", String(32), nullable=False),
    Column("previous", Integer, ForeignKey("tag_moves.id")),  # the move that a rollback from here returns to
    Index("tag_moves_by_tag", "name", "tag"),
)

# Where a move put its tag; no rows for an untag. Digests outlive the artifacts they name.
tag_members = Table(
    "tag_members",
    metadata,
    Column("move", Integer, ForeignKey("tag_moves.id"), primary_key=True),
    Column("digest", String(71), primary_key=True),
)

# Figures measured after publishing; those of the build are in the manifest.
measurements = Table(
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(71), ForeignKey("artifacts.digest"), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("value", Float, nullable=False),
    Column("how", Text, nullable=False),
    Column("measured", String(32), nullable=False),
    Column("origin", String(16)),  # null: measured here
    Index("measurements_by_digest", "digest"),
)

# What somebody removed, until it is published again: gc deletes the folders of these, and of nothing else.
removed = Table(
    "removed",
    metadata,
    Column("digest", String(71), primary_key=True),
    Column("moved", String(32), nullable=False),
)
