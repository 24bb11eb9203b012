"""An artifact as the registry knows it: the manifest, and what happened since it was published."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.source import Candidate

SHORT = 12  # hex digits that tell artifacts apart for people


@dataclass(frozen=True)
class Recorded:
    """A figure and when it was recorded."""

    measurement: Measurement
    at: str


@dataclass(frozen=True)
class Artifact:
    """One published artifact; `folder` holds its files."""

    digest: str
    manifest: Manifest
    folder: Path
    tags: tuple[str, ...] = ()
    recorded: tuple[Recorded, ...] = ()  # figures measured after publishing, oldest first

    @property
    def short(self) -> str:
        """Enough of the digest for people."""
        return self.digest.removeprefix("sha256:")[:SHORT]

    @property
    def label(self) -> str:
        """What tells it from its siblings, in one line."""
        return f"{self.manifest.name} {self.manifest.dtype} {self.manifest.target} sha256:{self.short}"

    @property
    def candidate(self) -> Candidate:
        """What the runtime chooses by."""
        return Candidate(self.manifest, self.folder, tuple(entry.measurement for entry in self.recorded))

    def figure(self, metric: str) -> float | None:
        """The latest value of a metric, if anyone measured it."""
        return self.candidate.figure(metric)

    def describe(self) -> dict[str, Any]:
        """Everything known, as users see it in `--json`."""
        built = [{**asdict(m), "at": self.manifest.created} for m in self.manifest.measured]
        later = [{**asdict(r.measurement), "at": r.at} for r in self.recorded]
        return {
            **self.manifest.describe(),
            "digest": self.digest,
            "tags": list(self.tags),
            "measured": built + later,
            "folder": str(self.folder),
        }
