"""What the runtime asks of a place that holds artifacts: the registry is one, a bundle file another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from zcc.runtime.manifest import Manifest, Measurement


@dataclass(frozen=True)
class Candidate:
    """A variant that could be loaded."""

    manifest: Manifest
    folder: Path  # where its files are, or will be once its source is asked for them
    measured: tuple[Measurement, ...] = ()  # here, since it was built, the latest last
    claimed: tuple[Measurement, ...] = ()  # since it was built, but elsewhere
    foreign: bool = False  # built elsewhere, and measured there as it was built
    envelopes: tuple[bytes, ...] = ()  # signatures, each as it was made
    barred: str | None = None  # why the policy that it is under refuses it
    tried: bool = False  # whether its latest latency is of a trial at load
    broken: str | None = None  # why it could not be tried

    def figure(self, metric: str, here: bool = False) -> float | None:
        """The latest value of a metric, what was measured here before all else; None when nobody measured it."""
        return next((figure.value for figure in reversed(self.figures(metric, here))), None)

    def figures(self, metric: str, here: bool = False) -> list[Measurement]:
        """Every value of a metric that was ever measured, or just those measured here, the latest last."""
        built = self.manifest.measured
        own = self.measured if self.foreign else (*built, *self.measured)
        claims = (*built, *self.claimed) if self.foreign else self.claimed
        return [figure for figure in (*(() if here else claims), *own) if figure.metric == metric]

    def claims(self, metric: str) -> bool:
        """Whether a metric is known by figures from elsewhere alone."""
        return bool(self.figures(metric)) and not self.figures(metric, here=True)

    @property
    def label(self) -> str:
        """What tells it from its siblings, for people."""
        return f"{self.manifest.dtype} for {self.manifest.target}"


class ArtifactSource(Protocol):
    """A place that artifacts are loaded from by reference."""

    def variants(self, reference: str) -> Sequence[Candidate]:
        """Every variant the reference can mean; at least one, else NotFound."""
        ...

    def folder(self, candidate: Candidate) -> Path:
        """The folder to load one of them from, its files in it."""
        ...


@runtime_checkable
class MovingSource(ArtifactSource, Protocol):
    """A place where references come to mean other artifacts, and that can be asked often whether they do."""

    def revision(self) -> object:
        """Equal to what it was before as long as nothing has changed; cheap, and never waits for long."""
        ...
