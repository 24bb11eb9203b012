"""The command `zcc`, also as `python -m zcc`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line, or say what it needs where only the thin runtime is installed."""
    try:
        from zcc.commands.main import main as run
    except ModuleNotFoundError as error:
        from zcc.runtime.distribution import how_to_install

        sys.exit(f"error: the command line needs {error.name}, which is not installed; {how_to_install('compiler')}")
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted\n")  # while the libraries that print are still being imported
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
