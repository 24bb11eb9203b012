"""A run of the tests may pretend to a lesser processor: `ZCC_TESTS_PROCESSOR=x86-64-v2 make test`.

All that zcc knows of its processor it reads from the file `zcc.runtime.host.CPUINFO`, so that another file in its place
is another processor: for the processes of the tests, and by way of `sitecustomize.py` for those that they start.
"""

from __future__ import annotations

import os
from pathlib import Path

WISH = "ZCC_TESTS_PROCESSOR"
HERE = Path(__file__).resolve().parent


def begin(folder: Path) -> None:
    """Be the wished-for processor from now on, where one is wished for."""
    wish = os.environ.get(WISH)
    if not wish:
        return
    cpuinfo = folder / f"cpuinfo-{wish}"
    from tests.pretending import sitecustomize

    os.environ[sitecustomize.CPUINFO] = str(cpuinfo)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    sitecustomize.pretend()
    if not cpuinfo.exists():
        cpuinfo.write_text(_told(wish))


def _told(wish: str) -> str:
    """What /proc/cpuinfo would say."""
    from zcc.compiler.backends.cpu.targets.table import TARGETS

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    flags = " ".join(TARGETS[wish].features)
    return "\n".join(f"flags\t\t: {flags}" if line.startswith("flags") else line for line in lines) + "\n"
