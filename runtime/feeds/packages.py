"""Packages that the runtime can use and does not need: imported when a feed asks for them, by name."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from zcc.runtime import limits
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import InputError

OPENCV = "cv2"
PILLOW = "PIL"
LOG_VARIABLE = "OPENCV_LOG_LEVEL"  # what cannot be opened is told in an error of ours
PIXELS_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"  # OpenCV's own limit is nine times ours


def installed(package: str) -> bool:
    """Whether it could be imported."""
    return find_spec(package) is not None


def opencv(purpose: str) -> Any:
    """OpenCV, or an error that says what it is wanted for."""
    if not installed(OPENCV):
        raise InputError(f"{purpose} needs OpenCV, which is not installed", how_to_install("video"))
    os.environ.setdefault(LOG_VARIABLE, "ERROR")
    os.environ.setdefault(PIXELS_VARIABLE, str(limits.PICTURE_PIXELS))  # read once, by the first import
    return import_module(OPENCV)
