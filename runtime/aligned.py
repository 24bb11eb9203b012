"""Memory as compiled code wants it."""

from __future__ import annotations

from typing import Any

import numpy as np

ALIGNMENT = 64


def aligned_bytes(size: int) -> Any:
    """Zeroed bytes that begin at a cache line."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]
