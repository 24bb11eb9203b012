"""Debian's docker-registry on loopback, with TLS and basic auth: a server that zcc has no part in."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

PROGRAM = "docker-registry"
USER, PASSWORD = "camera", "correct horse"
# bcrypt of the password, the only kind of hash that the server reads.
HASH = "$2b$04$pbJwt50p4X.DKd/2GZXsk.ZK6FVZxqirhQIODapm54CqI7Ttofdqm"
STARTING = 60.0  # seconds

CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http:
  addr: 127.0.0.1:{port}
  secret: of the tests
{tls}auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""
TLS = "  tls: {{certificate: {folder}/server.crt, key: {folder}/server.key}}\n"


@dataclass(frozen=True)
class OciServer:
    """A running server."""

    port: int
    folder: Path
    process: int = 0  # its number, once it runs

    @property
    def host(self) -> str:
        """As it stands in addresses."""
        return f"127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """Of the authority that vouches for it: itself."""
        return self.folder / "server.crt"

    def login_file(self, *hosts: str) -> dict[str, object]:
        """What `docker login` writes, for this host and others."""
        entry = {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
        return {"auths": dict.fromkeys((self.host, *hosts), entry)}

    def log_in(self, folder: Path, *hosts: str) -> None:
        """Write docker's login file into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.login_file(*hosts)))


def lacking() -> str | None:
    """Why the server cannot be started here."""
    missing = [program for program in (PROGRAM, "openssl") if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)} (apt-get install {' '.join(missing)})" if missing else None


@contextmanager
def running(folder: Path, tls: bool = True) -> Iterator[OciServer]:
    """A server of our own, its data in the folder."""
    server, secure = OciServer(_free_port(), folder), TLS.format(folder=folder) if tls else ""
    make_certificate(folder)
    (folder / "htpasswd").write_text(f"{USER}:{HASH}\n")
    (folder / "config.yml").write_text(CONFIGURATION.format(folder=folder, port=server.port, tls=secure))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", folder / "config.yml"], stdout=log, stderr=log)
        try:
            _await(server, process, tls)
            yield replace(server, process=process.pid)
        finally:
            process.kill()
            process.wait()


def make_certificate(folder: Path) -> None:
    """A key, and a certificate for this machine that signs itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-days", "2", "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True, timeout=60)


def _await(server: OciServer, process: subprocess.Popen[bytes], tls: bool) -> None:
    context = ssl.create_default_context(cafile=str(server.certificate))
    until = time.monotonic() + STARTING
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
                if tls:
                    context.wrap_socket(plain, server_hostname="127.0.0.1").close()
                return
        except OSError:
            told = (server.folder / "server.log").read_text(errors="replace")
            assert process.poll() is None, f"the server did not start: {told}"
            assert time.monotonic() < until, f"the server does not answer: {told}"
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
