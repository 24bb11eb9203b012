"""TLS by default; without it to this machine alone, or where it was told."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oci import server as oci_server
from tests.oci.server import OciServer, make_certificate
from zcc.runtime.errors import RegistryError, Unavailable
from zcc.runtime.remotes import connection
from zcc.runtime.remotes.connection import LOOPBACK, connect, nearness


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciServer]:
    """A real server that does without TLS."""
    if reason := oci_server.lacking():
        pytest.skip(reason)
    with oci_server.running(tmp_path_factory.mktemp("plain"), tls=False) as server:
        yield server


def test_tls_where_the_server_speaks_it(oci: OciServer) -> None:
    opened = connect(oci.host, plain=False)
    assert isinstance(opened, http.client.HTTPSConnection)
    assert nearness(opened) == LOOPBACK
    opened.close()


def test_this_machine_may_do_without(plain: OciServer) -> None:
    opened = connect(plain.host, plain=False)
    assert not isinstance(opened, http.client.HTTPSConnection)
    opened.request("GET", "/v2/")
    assert opened.getresponse().status == 401
    opened.close()


def test_no_other_machine_may_unless_that_was_told(plain: OciServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "nearness", lambda opened: LOOPBACK - 1)
    with pytest.raises(RegistryError, match=r"nothing is sent in the clear.*oci\+http"):
        connect(plain.host, plain=False)
    connect(plain.host, plain=True).close()


def test_authorities_are_those_of_docker_and_podman_too(
    oci: OciServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unavailable, match="no certificate that is trusted here"):
        connect(oci.host, plain=False)
    place = tmp_path / ".config" / "containers" / "certs.d" / oci.host
    place.mkdir(parents=True)
    (place / "ca.crt").write_bytes(oci.certificate.read_bytes())
    connect(oci.host, plain=False).close()


def test_authorities_are_read_once_and_again_when_they_change(
    oci: OciServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(make())
        return made[-1]

    monkeypatch.setattr("ssl.create_default_context", counted)
    mine = tmp_path / "mine.crt"
    mine.write_bytes(oci.certificate.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(mine))
    for _ in range(3):
        connect(oci.host, plain=False).close()
    assert len(made) == 1
    (tmp_path / "other").mkdir()
    make_certificate(tmp_path / "other")
    mine.write_bytes((tmp_path / "other" / "server.crt").read_bytes())
    with pytest.raises(Unavailable, match="no certificate that is trusted here"):
        connect(oci.host, plain=False)
    mine.unlink()
    place = tmp_path / ".config" / "containers" / "certs.d" / oci.host
    place.mkdir(parents=True)
    (place / "ca.crt").write_text("no certificate")
    with pytest.raises(RegistryError, match=r"ca\.crt cannot be read"):
        connect(oci.host, plain=False)


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        connect(f"127.0.0.1:{port}", plain=False)
