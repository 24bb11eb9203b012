"""Frames as a feed hands them on."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple


class Shot(NamedTuple):
    """A frame and where it is from."""

    frame: Any  # whatever the detector takes for one
    name: str  # the file, the video or the camera; empty for frames of an iterator


Feed = Generator[Shot, None, None]  # closed by whoever reads it, in the thread that read
