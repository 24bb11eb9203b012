"""Bringing an index to the newest schema, by alembic's migrations in migrations/versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from zcc.registry.database import PRAGMAS


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` that the database has not seen, in the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revisions() -> tuple[str, ...]:
    """Every revision this zcc knows, newest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(step.revision for step in script.walk_revisions())


def _config() -> Config:
    config = Config()
    # Alembic reads options through configparser, to which a percent sign is the start of a substitution.
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def engine_of(path: Path, patience: float) -> Engine:
    """An SQLite file that can be written, as SQLAlchemy sees it."""
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "rwc", "uri": "true"})
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        # Make transactions real: by itself the driver begins none before reads and CREATE TABLE.
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
