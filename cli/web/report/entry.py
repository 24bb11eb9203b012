"""A variant as the report has it: the artifact, and what stands beside it here."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.registry import Artifact


@dataclass(frozen=True)
class Entry:
    """One variant; its number is its place in the report."""

    number: int
    artifact: Artifact
    superseded: bool  # a later build of the same variant is there
    hindrance: str | None  # why it does not run on the machine that makes the report
    lost: float | None  # points of mAP50-95 against the most accurate of its name that runs here
    alone: bool  # the report is about one model, so its name need not be said again

    @property
    def key(self) -> str:
        """Its id on the page."""
        return f"v{self.number}"

    @property
    def name(self) -> str:
        """The model's name."""
        return self.artifact.manifest.name

    @property
    def dtype(self) -> str:
        """Its precision."""
        return self.artifact.manifest.dtype

    @property
    def target(self) -> str:
        """What it was built for."""
        return self.artifact.manifest.target

    @property
    def label(self) -> str:
        """What tells it from the others of its name."""
        return f"{self.dtype} for {self.target}" + (f" ({self.artifact.short[:6]})" if self.superseded else "")

    @property
    def called(self) -> str:
        """What it is called on the page."""
        return self.label if self.alone else f"{self.name} {self.label}"

    @property
    def latency(self) -> float | None:
        """Milliseconds from frame to detections."""
        return self.artifact.figure("latency_ms")

    @property
    def accuracy(self) -> float | None:
        """mAP50-95 against labels, or else agreement with another variant."""
        labelled = self.artifact.figure("map50_95")
        return self.artifact.figure("agreement50_95") if labelled is None else labelled

    @property
    def agrees_only(self) -> bool:
        """Whether its accuracy is agreement alone, as nobody had labels."""
        return self.artifact.figure("map50_95") is None and self.accuracy is not None

    def how(self, metric: str) -> str | None:
        """How the latest figure of a metric was measured."""
        found = self.artifact.candidate.figures(metric)
        return found[-1].how if found else None
