"""Figures measured by a command, kept with the artifact where `zcc list` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zcc.commands.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zcc.registry import Registry
    from zcc.runtime.manifest import Measurement


def record(registry: Registry, digest: str, figures: Iterable[Measurement]) -> bool:
    """Keep the figures with the artifact, if the registry holds it: one loaded from its folder may be in none.

    A registry that cannot be written costs a line, not the result.
    """
    from zcc.runtime.errors import Unavailable

    try:
        if not registry.holds(digest):
            return False
        for figure in figures:
            registry.record_measurement(digest, figure)
    except Unavailable as error:
        say(f"not recorded: {error}", err=True)
        return False
    return True


def keep(registry: Registry, digest: str, kind: str, document: Mapping[str, Any]) -> bool:
    """Keep a document with the artifact, as `record` keeps figures."""
    from zcc.registry.kept_results import KeptResults
    from zcc.runtime.errors import ArtifactError, Unavailable

    try:
        if not registry.holds(digest):
            return False
        KeptResults(registry.home).keep(digest, kind, document)
    except (Unavailable, ArtifactError) as error:
        say(f"not kept: {error}", err=True)
        return False
    return True
