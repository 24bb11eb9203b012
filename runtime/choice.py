"""Which of several variants a host runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zcc.runtime import host
from zcc.runtime.errors import IncompatibleHost, NotFound
from zcc.runtime.manifest import Manifest

Candidate = tuple[Manifest, Path]


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
    """The best variant for this machine among those asked for."""
    wanted = [
        (manifest, folder)
        for manifest, folder in variants
        if dtype in (None, manifest.dtype) and target in (None, manifest.target)
    ]
    if not wanted:
        held = ", ".join(sorted(f"{manifest.dtype} for {manifest.target}" for manifest, _ in variants))
        raise NotFound(
            f"{reference} has no such variant; there is {held}", "leave out dtype and target, or compile it"
        )
    runnable = [candidate for candidate in wanted if obstacle(candidate[0]) is None]
    if not runnable:
        reasons = "; ".join(_reasons(manifest for manifest, _ in wanted))
        raise IncompatibleHost(f"{reference} cannot run here: {reasons}", "compile it on this machine")
    return min(runnable, key=lambda candidate: _rank(candidate[0]))


def _reasons(manifests: Iterable[Manifest]) -> list[str]:
    return [f"{manifest.dtype} for {manifest.target}: {obstacle(manifest)}" for manifest in manifests]


def _rank(manifest: Manifest) -> tuple[float, int]:
    """Measured latency first; unmeasured ones by how much of the processor they use."""
    latencies = [figure.value for figure in manifest.measured if figure.metric == "latency_ms"]
    return (latencies[-1] if latencies else float("inf"), -len(manifest.requires.features))
