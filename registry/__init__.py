"""The registry: an index of artifacts over content-addressed files.

What is here is imported when it is asked for: who loads a detector by its name starts without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zcc.registry.artifact import Artifact, Unreadable
    from zcc.registry.registry import Registry

__all__ = ["Artifact", "Registry", "Unreadable"]


_MODULES = {"Artifact": "artifact", "Registry": "registry", "Unreadable": "artifact"}


def __getattr__(name: str) -> Any:
    """Import what was asked for."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
