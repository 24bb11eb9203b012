"""PostgreSQL servers of our own on loopback, which can be killed and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

STARTING = 30.0  # seconds, in which a server that was killed mends itself


class PostgresServer:
    """A server, its data in a folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._data = programs, folder, folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self._user:
            shutil.chown(folder, self._user)
        port = _free_port()
        self._options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        self.url = f"postgresql://zcc@127.0.0.1:{port}/postgres"
        self._call("initdb", "-D", str(self._data), "-U", "zcc", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """Let it run."""
        log = str(self._folder / "server.log")
        self._call("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", self._options, "start")

    def stop(self) -> None:
        """End it, without a word to who is connected."""
        self._call("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def kill(self) -> None:
        """End all its processes where they stand."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        doomed = [first, *first.children(recursive=True)]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):  # one for a client that has just gone
                process.kill()
        psutil.wait_procs(doomed, STARTING)

    def start_again(self) -> None:
        """Let it run after it was killed, once the system has taken down what was left of it."""
        until = time.monotonic() + STARTING
        while True:
            try:
                self.start()
                return
            except subprocess.CalledProcessError:
                assert time.monotonic() < until, (self._folder / "server.log").read_text()
                time.sleep(0.2)

    def _call(self, *command: str) -> None:
        with (self._folder / "calls.log").open("ab") as log:
            program = str(self._programs / command[0])
            subprocess.run(
                [program, *command[1:]], check=True, user=self._user, cwd=self._folder, stdout=log, stderr=log
            )


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A server that runs; the test is skipped where none is installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # Short, as the path of a Unix socket must be; not under pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="zccpg") as folder:
        server = PostgresServer(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path | None:
    found = shutil.which("pg_ctl")
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return candidates[-1].resolve().parent if candidates else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
