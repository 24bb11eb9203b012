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
    measured: tuple[Measurement, ...] = ()  # since it was built, the latest last

    def figure(self, metric: str) -> float | None:
        """The latest value of a metric, None when nobody measured it."""
        return next((figure.value for figure in reversed(self.figures(metric))), None)

    def figures(self, metric: str) -> list[Measurement]:
        """Every value of a metric that was ever measured, the latest last."""
        return [figure for figure in (*self.manifest.measured, *self.measured) if figure.metric == metric]

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
