"""A machine that measures kernels for others: TVM's RPC server with the settings that frames are run with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from zcc.compiler.tuning.tune import check_installed
from zcc.runtime import host
from zcc.runtime.engine import SPIN_VARIABLE, SPINS

PAUSE = 1.0  # seconds between the end of a server and the next


def serve(key: str, tracker: str, address: str, port: int, note: Callable[[str], None]) -> None:
    """Serve until the process ends; a server that a crashed kernel took down is started anew."""
    check_installed()
    command = [sys.executable, "-m", "tvm.exec.rpc_server", "--host", address, "--port", str(port)]
    command += ["--port-end", str(port + 100), "--tracker", tracker, "--key", key]
    while True:
        server = subprocess.Popen(command, env={**os.environ, **settings()}, stdin=subprocess.DEVNULL)
        try:
            code = server.wait()
        finally:
            server.kill()
        note(f"the server ended with {code}; starting it anew")
        time.sleep(PAUSE)


def settings() -> dict[str, str]:
    """What the environment of a server must say: as many threads as frames get, none of them bound to a core."""
    return {"TVM_NUM_THREADS": str(host.worker_threads()), "TVM_BIND_THREADS": "0", SPIN_VARIABLE: SPINS}
