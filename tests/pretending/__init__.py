"""A run of the tests may pretend to a lesser processor: `ZCC_TESTS_PROCESSOR=x86-64-v2 make test`.

All that zcc knows of its processor it reads from the file `zcc.runtime.host.CPUINFO`, so that another file in its place
is another processor: for the processes of the tests, and by way of `sitecustomize.py` for those that they start.

Cards are hidden, so that `native` is the same everywhere; the tests that need one see it in a process of their own.
"""

from __future__ import annotations

import os
from pathlib import Path

WISH = "ZCC_TESTS_PROCESSOR"
SHOWN = "ZCC_TESTS_CARDS"  # set where the tests may see cards
VISIBLE = "CUDA_VISIBLE_DEVICES"  # read by NVIDIA's driver
HIDDEN = "ZCC_TESTS_HIDDEN_CARDS"  # what VISIBLE was before
ALL = "all"  # stands for no VISIBLE
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


def hide_cards() -> None:
    """Let nobody see the machine's cards from now on, where that is not wished for."""
    if SHOWN not in os.environ and HIDDEN not in os.environ:
        os.environ[HIDDEN] = os.environ.get(VISIBLE, ALL)
        os.environ[VISIBLE] = ""


def with_cards() -> dict[str, str]:
    """The environment of a process that is to see them."""
    visible = os.environ.get(HIDDEN, os.environ.get(VISIBLE, ALL))
    shown = {} if visible == ALL else {VISIBLE: visible}
    return {**{name: value for name, value in os.environ.items() if name != VISIBLE}, **shown, SHOWN: "1"}


def _told(wish: str) -> str:
    """What /proc/cpuinfo would say."""
    from zcc.compiler.backends.cpu.targets.table import TARGETS

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    flags = " ".join(TARGETS[wish].features)
    return "\n".join(f"flags\t\t: {flags}" if line.startswith("flags") else line for line in lines) + "\n"
