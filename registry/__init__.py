"""The registry: an index of artifacts over content-addressed files.

What changes it is imported when it is asked for: who only reads starts without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zcc.registry.artifact import Artifact, Unreadable

if TYPE_CHECKING:
    from zcc.registry.registry import Registry

__all__ = ["Artifact", "Registry", "Unreadable"]


def __getattr__(name: str) -> Any:
    """Import what was asked for."""
    if name == "Registry":
        return import_module("zcc.registry.registry").Registry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
