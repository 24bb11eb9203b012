"""A machine that measures kernels for others: TVM's RPC server with the settings that frames are run with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from zcc.compiler.backends.common.measuring.needed import check_installed
from zcc.compiler.backends.common.processes import without_interrupts
from zcc.runtime import host
from zcc.runtime.errors import TuningError

SPIN_VARIABLE = "TVM_THREAD_POOL_SPIN_COUNT"
SPINS = "2000"  # how often a helper looks for work before it sleeps: TVM's own 300,000 keep every core busy
PAUSE = 1.0  # seconds between the end of a server and the next
CRASHED, NO_PORT = 3, 4  # how the process of compiler/tuning/listener.py ends


def serve(key: str, tracker: str, address: str, port: int, note: Callable[[str], None]) -> None:
    """Serve until the process is told to end; a server that a crashed kernel took down is started anew."""
    check_installed()
    command = [
        sys.executable,
        "-m",
        "zcc.compiler.tuning.listener",
        key,
        tracker,
        address,
        str(port),
    ]
    # Its end must not leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    while True:
        with without_interrupts():
            server = subprocess.Popen(command, env={**os.environ, **settings()}, stdin=subprocess.DEVNULL)
        try:
            code = server.wait()
        finally:
            _end(server)
        if code == NO_PORT:
            raise TuningError(f"no port from {port} on can be listened to at {address}", "name others: --host, --port")
        note("a kernel crashed the server, or the tracker is gone; starting it anew")
        time.sleep(PAUSE)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Kill a server, and the process of the session that it may be in."""
    import psutil  # not before it is known to be installed

    if server.poll() is None:
        server.send_signal(signal.SIGSTOP)  # so that it starts no more
        for session in psutil.Process(server.pid).children(recursive=True):
            session.kill()
        server.kill()
        server.wait()


def settings() -> dict[str, str]:
    """What the environment of a server must say: as many threads as frames get, none of them bound to a core."""
    return {"TVM_NUM_THREADS": str(host.worker_threads()), "TVM_BIND_THREADS": "0", SPIN_VARIABLE: SPINS}
