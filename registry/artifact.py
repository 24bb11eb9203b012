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
    origin: str | None = None  # None: measured here


@dataclass(frozen=True)
class Unreadable:
    """What stands in the index where an artifact should, fit to be shown."""

    digest: str
    name: str
    why: str

    def describe(self) -> dict[str, Any]:
        """What is known, as users see it in `--json`."""
        return {"digest": self.digest, "name": self.name, "damaged": self.why}


@dataclass(frozen=True)
class Artifact:
    """One published artifact; `folder` holds its files."""

    digest: str
    manifest: Manifest
    folder: Path
    tags: tuple[str, ...] = ()
    recorded: tuple[Recorded, ...] = ()  # figures measured after publishing, oldest first
    origin: str | None = None  # None: built here
    envelopes: tuple[bytes, ...] = ()  # signatures, each as it was made
    barred: str | None = None  # why the gate of the tag that it was found by refuses it

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
        here = tuple(entry.measurement for entry in self.recorded if entry.origin is None)
        claimed = tuple(entry.measurement for entry in self.recorded if entry.origin is not None)
        foreign = self.origin is not None
        return Candidate(self.manifest, self.folder, here, claimed, foreign, self.envelopes, self.barred)

    def figure(self, metric: str) -> float | None:
        """The latest value of a metric, if anyone measured it."""
        return self.candidate.figure(metric)

    def describe(self) -> dict[str, Any]:
        """Everything known, as users see it in `--json`."""
        built = [Recorded(figure, self.manifest.created, self.origin) for figure in self.manifest.measured]
        return {
            **self.manifest.describe(),
            "digest": self.digest,
            "tags": list(self.tags),
            "origin": self.origin,
            "signatures": len(self.envelopes),
            "measured": [
                {**asdict(entry.measurement), "at": entry.at, "here": entry.origin is None}
                for entry in (*built, *self.recorded)
            ],
            "folder": str(self.folder),
        }
