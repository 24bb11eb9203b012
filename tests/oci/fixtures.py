"""Fixtures around a real OCI server, for the tests of several packages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oci import server as oci_server
from tests.oci.server import OciServer


@pytest.fixture(scope="session")
def oci_running() -> Iterator[OciServer]:
    """A server for the whole run of a worker; repositories of different names have nothing to do with each other."""
    if reason := oci_server.lacking():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="zccoci") as folder, oci_server.running(Path(folder)) as server:
        yield server


@pytest.fixture
def oci(oci_running: OciServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OciServer:
    """The server, trusted and logged in to; the cache is the test's own."""
    oci_running.log_in(tmp_path / "docker")
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("SSL_CERT_FILE", str(oci_running.certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(oci_running.certificate))
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return oci_running
