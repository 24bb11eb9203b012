"""Registries to test against: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.registry.postgres import PostgresServer, own_server
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
    with own_server() as server:
        yield server.url


@pytest.fixture
def mortal_server() -> Iterator[PostgresServer]:
    """One of the test's own, which it may kill."""
    with own_server() as server:
        yield server


def _new_schema(server: str) -> str:
    """A schema of the test's own; a database of its own would take tens of times as long."""
    name = f"t{os.urandom(6).hex()}"
    engine = create_engine(server.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return name
