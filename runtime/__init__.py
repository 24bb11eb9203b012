"""The part of zcc that runs on the device: numpy and tvm_ffi, nothing else.

What it offers is imported when it is asked for, so that the command line starts without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zcc.runtime.adaptive.adaptive_detector import AdaptiveDetector
    from zcc.runtime.detector import Detector
    from zcc.runtime.errors import ZccError
    from zcc.runtime.follow import Following
    from zcc.runtime.manifest import Manifest
    from zcc.runtime.variant import Detections

__all__ = ["AdaptiveDetector", "Detections", "Detector", "Following", "Manifest", "ZccError"]

_LAZY = {
    "AdaptiveDetector": "zcc.runtime.adaptive.adaptive_detector",
    "Detections": "zcc.runtime.variant",
    "Detector": "zcc.runtime.detector",
    "Following": "zcc.runtime.follow",
    "Manifest": "zcc.runtime.manifest",
    "ZccError": "zcc.runtime.errors",
}


def __getattr__(name: str) -> Any:
    """Import what was asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those that are imported when they are asked for among them."""
    return sorted({*globals(), *__all__})
