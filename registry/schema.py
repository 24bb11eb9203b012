"""The tables of the index, as the last migration leaves them.

An artifact's manifest is kept as the exact text its digest was taken over. The columns beside it repeat what
queries ask for; nothing reads them back as truth. Tags are nothing but their history: a tag is where its last
move put it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

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
    # Everything of a list that is in this table: beside manifests of many pages, rows are slow to walk through.
    Index("artifacts_by_variant", "name", "dtype", "target", "turn", "digest", "origin"),
)

# What a list shows and filters by, of each manifest.
summaries = Table(
    "summaries",
    metadata,
    Column("digest", String(71), ForeignKey("artifacts.digest"), primary_key=True),
    Column("created", String(40), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("map50_95", Float),
    Column("agreement50_95", Float),
    Column("latency_ms", Float),
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
    Column("who", String(128)),  # null: an older zcc moved it
    Column("message", Text),
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

# What a protected tag asks of artifacts, as the text of a policy. Like a tag, it is the list of its changes.
gates = Table(
    "gates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(128), nullable=False),  # * stands for every name
    Column("tag", String(128), nullable=False),
    Column("policy", Text),  # null: protected no more
    Column("changed", String(32), nullable=False),
    Column("who", String(128), nullable=False),
    Column("message", Text),
    Index("gates_by_tag", "name", "tag"),
)
