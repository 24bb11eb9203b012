"""Machines that serve kernels' measurements through TVM's RPC tracker: built here, timed there."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tvm
from tvm import rpc

from zcc.compiler.backends.common.measuring.device import Device, MeasuringDeviceLost
from zcc.compiler.ir.tensors import Array
from zcc.runtime.errors import TuningError, UsageError

T = TypeVar("T")
SCHEME = re.compile(r"rpc://(\[?[\w.:-]+?\]?):(\d+)/([\w.-]+)")
FORM = "write rpc://TRACKER:PORT/KEY, for example rpc://127.0.0.1:9190/jetson"
SESSION_SECONDS = 150  # until the server ends a session that hangs
CONNECT_SECONDS = 5
SERVER = "server:"  # what the tracker puts before the keys of servers


@dataclass(frozen=True)
class RpcAddress:
    """Whichever machine of a key is free."""

    host: str
    port: int
    key: str

    def connect(self) -> Device:
        """Wait for a machine."""
        with lost_when_broken():
            tracker = rpc.connect_tracker(self.host, self.port)
            return RemoteMachine(tracker.request(self.key, session_timeout=SESSION_SECONDS))

    def machines(self) -> int:
        """How many serve the key now."""
        try:
            # TVM's own connection would try for a minute.
            socket.create_connection((self.host, self.port), CONNECT_SECONDS).close()
            told = rpc.connect_tracker(self.host, self.port).summary()
        except (OSError, RuntimeError) as error:
            raise TuningError(
                f"no tracker answers at {self.host}:{self.port} ({error})",
                f"start one: python -m tvm.exec.rpc_tracker --host {self.host} --port {self.port}",
            ) from error
        return sum(server["key"] == SERVER + self.key for server in told["server_info"])


def parse_runner(runner: str) -> RpcAddress:
    """The address that a URL names."""
    match = SCHEME.fullmatch(runner)
    if match is None:
        raise UsageError(f"{runner!r} is no runner", FORM)
    return RpcAddress(match[1].strip("[]"), int(match[2]), match[3])


class RemoteMachine:
    """A session on a machine; it ends with this object."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._device = session.cpu(0)

    def load(self, library: Path) -> Any:
        """Send it over and load it there."""
        with lost_when_broken():
            self._session.upload(str(library))
            return self._session.load_module(library.name)

    def tensor(self, values: Array) -> Any:
        """The values in the machine's memory."""
        with lost_when_broken():
            return tvm.runtime.tensor(values, self._device)

    def run(self, function: Callable[[], T]) -> T:
        """There every session has a thread of its own."""
        with lost_when_broken():
            return function()

    def time(self, module: Any, entry: str, arguments: list[Any], number: int) -> float:
        """By the machine's own clock."""
        timed = module.time_evaluator(entry, self._device, number=number, repeat=1)
        return float(timed(*arguments).results[0])

    def share(self, module: Any, threads: int | None = None) -> None:
        """A server keeps the threads that it was started with."""

    def ask(self, service: str, question: bytearray) -> str:
        """What one of the functions answers that the machine offers beside running modules."""
        with lost_when_broken():
            return str(self._session.get_function(service)(question))

    def threads(self, wanted: int | None = None) -> int:
        """Those of the server."""
        with lost_when_broken():
            return int(self._session.get_function("runtime.NumThreads")())


@contextmanager
def lost_when_broken() -> Iterator[None]:
    """What a broken session raises, as what it means.

    A session cannot tell a machine that went away from a kernel that crashed it: whoever asks tries again elsewhere.
    """
    try:
        yield
    except MeasuringDeviceLost:
        raise
    except Exception as error:
        raise MeasuringDeviceLost(f"the machine that measured it is gone: {type(error).__name__}") from error
