"""The process in which a model file is read; started by `sandbox`, and of no use elsewhere."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path


def main() -> None:
    """Answer the request in the folder that the command line names, and end at once."""
    gc.disable()  # the process is over before there is garbage worth looking for
    from zcc.compiler.frontend.answer import answer

    answer(Path(sys.argv[1]))
    os._exit(0)  # libraries take their time to put away what the system takes back anyway


if __name__ == "__main__":
    main()
