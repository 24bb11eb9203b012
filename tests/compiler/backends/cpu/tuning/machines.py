"""A tracker, and servers that measure for it, on loopback: real processes, each with a group of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tvm import rpc

HOST = "127.0.0.1"
PATIENCE = 180.0
PORTS = range(23000, 32000)  # below those that the system gives to whoever asks for any


@dataclass
class Machines:
    """A tracker and its servers."""

    port: int
    key: str
    logs: Path
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def runner(self) -> str:
        """As `--runner` takes it."""
        return f"rpc://{HOST}:{self.port}/{self.key}"

    def start(self, **environment: str) -> None:
        """One more server; it is not there at once."""
        number = len(self.servers)
        first = PORTS[0] + 200 * number
        options = ["--tracker", f"{HOST}:{self.port}", "--key", self.key, "--port", str(first)]
        self.servers.append(
            _start(["-m", "zcc", "tune-server", *options], self.logs / f"server{number}.log", environment)
        )

    def wait(self, count: int) -> None:
        """Until the tracker knows so many servers."""
        _wait(lambda: self.known == count, f"{count} servers")

    @property
    def known(self) -> int:
        """How many servers the tracker knows."""
        told: Any = rpc.connect_tracker(HOST, self.port).summary()
        return sum(server["key"] == f"server:{self.key}" for server in told["server_info"])

    def log(self, number: int) -> str:
        """What a server printed so far."""
        return (self.logs / f"server{number}.log").read_text()


@contextmanager
def machines(logs: Path, key: str = "here") -> Iterator[Machines]:
    """A tracker without servers; with the block, all of them end."""
    log = logs / "tracker.log"
    ports = ["--host", HOST, "--port", str(PORTS[-1]), "--port-end", str(PORTS[-1] + 50)]
    tracker = _start(["-m", "tvm.exec.rpc_tracker", *ports], log)
    made: Machines | None = None
    try:
        found: list[str] = []
        _wait(lambda: bool(found.extend(re.findall(rf"bind to {HOST}:(\d+)", log.read_text())) or found), "a tracker")
        made = Machines(int(found[0]), key, logs)
        yield made
    finally:
        for process in [tracker, *(made.servers if made else [])]:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _start(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        command, env = [sys.executable, *arguments], {**os.environ, **(environment or {})}
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True, env=env)


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"{what} did not come up"
        time.sleep(0.1)
