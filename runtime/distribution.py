"""What zcc is called where packages are installed, and how its extras are."""

from __future__ import annotations

NAME = "zcc-yolo"  # the package index has another project under `zcc`


def how_to_install(extra: str) -> str:
    """The command that installs an extra, from the sources: nothing of that name has to be on a package index."""
    return f"in the folder of zcc's sources: pip install '.[{extra}]'"
