"""The process behind `zcc tune-server`: sessions of TVM's RPC, one after another, until a kernel crashes one.

TVM's own program lives on when a session crashed, and listens no more; this one ends, so that it can be started anew.
"""

from __future__ import annotations

import sys
import threading

import tvm_ffi
from tvm.rpc.server import PopenRPCServerState

from zcc.compiler.backends.table import BACKENDS
from zcc.compiler.tuning.server import CRASHED, NO_PORT

PORTS = 100  # to try, from the first on


def listen(key: str, tracker: str, address: str, port: int) -> int:
    """Serve until a session crashes, and say how it ended."""
    threading.excepthook = _tell
    offer_services()
    host, _, number = tracker.rpartition(":")
    try:
        state = PopenRPCServerState(address, port, port + PORTS, tracker_addr=(host, int(number)), key=key)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return NO_PORT
    state.thread.join()
    return CRASHED


def offer_services() -> None:
    """Let sessions ask for what backends measure otherwise than by running modules."""
    for backend in BACKENDS:
        for name, service in (backend.tuner.services if backend.tuner else {}).items():
            tvm_ffi.register_global_func(name, service)


def _tell(ended: threading.ExceptHookArgs) -> None:
    """What ended a thread of the server, in a line: a tracker that is gone, most of the time."""
    print(f"{ended.exc_type.__name__}: {ended.exc_value}", file=sys.stderr)


if __name__ == "__main__":
    key, tracker, address, port = sys.argv[1:]
    sys.exit(listen(key, tracker, address, int(port)))
