"""How many frames a call of several is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zcc.runtime.errors import FrameError
from zcc.runtime.manifest import Manifest
from zcc.runtime.wording import counted

STACK = 4  # axes of frames in one array


def check_batch(frames: Sequence[Any], manifest: Manifest) -> None:
    """Refuse what is no sequence of frames, and another number of them than the artifact was compiled for."""
    if getattr(frames, "ndim", STACK) != STACK:
        raise FrameError("one array of several frames has four axes", "give a list of frames, or call with the one")
    wanted, given = manifest.batch, len(frames)
    if wanted not in (1, given):
        problem = f"{manifest.name} was compiled for {counted(wanted, 'frame')} a call, and {given} were handed in"
        raise FrameError(problem, f"give {wanted}, or compile with another --batch")
