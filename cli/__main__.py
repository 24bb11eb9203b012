"""The command `zcc`, also as `python -m zcc`."""

from __future__ import annotations

import gc
import os
import sys

PATIENCE = 10_000, 20, 50  # of the garbage collector: Python's own has it pass hundreds of times while TVM is imported


def main() -> None:
    """Run the command line, or say what it needs where only the thin runtime is installed."""
    gc.set_threshold(*PATIENCE)
    try:
        _run()
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted\n")  # before the command line hears of it by itself, or after
        os._exit(130)


def _run() -> None:
    try:
        from zcc.commands.main import main as run
    except ModuleNotFoundError as error:
        from zcc.runtime.distribution import how_to_install

        sys.exit(f"error: the command line needs {error.name}, which is not installed; {how_to_install('compiler')}")
    run()


if __name__ == "__main__":
    main()
