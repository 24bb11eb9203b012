"""The command `zcc`, also as `python -m zcc`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say what it needs where only the thin runtime is installed."""
    try:
        from zcc.cli.main import main as run
    except ModuleNotFoundError as error:
        sys.exit(f"error: the command line needs {error.name}, which is not installed; pip install 'zcc[compiler]'")
    run()


if __name__ == "__main__":
    main()
