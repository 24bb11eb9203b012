"""Registries to test against: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from zcc.registry import Registry


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the test's registry lies."""
    return tmp_path / "registry"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, home: Path) -> str:
    """A registry's place, once in each kind of database."""
    if request.param == "sqlite":
        return str(home)
    server = request.getfixturevalue("postgres_server")
    return f"{server}?options=-csearch_path%3D{_new_schema(server)}&files={home}"


@pytest.fixture
def registry(place: str) -> Registry:
    """An empty registry, once in each kind of database."""
    return Registry.open(place)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own on loopback."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # Short, as the path of a Unix socket must be; not under pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="zccpg") as folder:
        yield from _serve(programs, Path(folder))


def _postgres_programs() -> Path | None:
    found = shutil.which("pg_ctl")
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return candidates[-1].resolve().parent if candidates else None


def _serve(programs: Path, folder: Path) -> Iterator[str]:
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"

    def call(*command: str) -> None:
        with (folder / "calls.log").open("ab") as log:
            subprocess.run(
                [str(programs / command[0]), *command[1:]],
                check=True,
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
            )

    call("initdb", "-D", str(data), "-U", "zcc", "-A", "trust", "--no-sync")
    call("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "server.log"), "-o", options, "start")
    try:
        yield f"postgresql://zcc@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _new_schema(server: str) -> str:
    """A schema of the test's own; a database of its own would take tens of times as long."""
    name = f"t{os.urandom(6).hex()}"
    engine = create_engine(server.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
