"""Which of several variants a host runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zcc.runtime import host
from zcc.runtime.errors import IncompatibleHost, NotFound
from zcc.runtime.manifest import Manifest
from zcc.runtime.source import Candidate


def obstacle(manifest: Manifest) -> str | None:
    """Why this machine cannot run the artifact, None when it can."""
    needs = manifest.requires
    if needs.os != host.system():
        return f"it is for {needs.os}, this is {host.system()}"
    if needs.arch != host.architecture():
        return f"it is for {needs.arch} processors, this one is {host.architecture()}"
    missing = sorted(set(needs.features) - host.cpu_features())
    if missing:
        return f"this processor lacks {', '.join(missing)}"
    return None


def choose(
    reference: str, variants: Sequence[Candidate], dtype: str | None = None, target: str | None = None
) -> Candidate:
    """The best variant for this machine among those asked for; the same one whatever their order."""
    wanted = [
        candidate
        for candidate in variants
        if dtype in (None, candidate.manifest.dtype) and target in (None, candidate.manifest.target)
    ]
    if not wanted:
        held = ", ".join(sorted(map(_label, variants)))
        raise NotFound(f"{reference} has no such variant; there is {held}", "leave out dtype and target, or compile it")
    reasons = {_label(candidate): obstacle(candidate.manifest) for candidate in wanted}
    runnable = [candidate for candidate in wanted if reasons[_label(candidate)] is None]
    if not runnable:
        told = "; ".join(f"{label}: {reason}" for label, reason in sorted(reasons.items()))
        raise IncompatibleHost(f"{reference} cannot run here: {told}", "compile it for this machine")
    return min(runnable, key=_rank)


def _label(candidate: Candidate) -> str:
    return f"{candidate.manifest.dtype} for {candidate.manifest.target}"


def _rank(candidate: Candidate) -> tuple[float, int, str, str]:
    """By latency; those nobody measured come after, by how much of the processor they use."""
    latency = candidate.figure("latency_ms")
    manifest = candidate.manifest
    return (math.inf if latency is None else latency, -len(manifest.requires.features), manifest.dtype, manifest.target)
