"""The registry: an index of artifacts over content-addressed files."""

from zcc.registry.artifact import Artifact, Unreadable
from zcc.registry.registry import Registry

__all__ = ["Artifact", "Registry", "Unreadable"]
