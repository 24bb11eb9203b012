"""A source of artifacts under a policy: what the policy refuses can be seen, and is never run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zcc.runtime.source import ArtifactSource, Candidate, MovingSource
from zcc.runtime.trust.judge import objections
from zcc.runtime.trust.policy import TrustPolicy, load_policy


class Guarded:
    """Passes on what its source has, each variant with why the policy refuses it, where it does."""

    def __init__(self, source: ArtifactSource, policy: TrustPolicy) -> None:
        self.guarded, self._policy = source, policy

    def variants(self, reference: str) -> Sequence[Candidate]:
        """Every variant the reference can mean, judged now."""
        return [self._judged(candidate) for candidate in self.guarded.variants(reference)]

    def folder(self, candidate: Candidate) -> Path:
        """The folder to load one of them from."""
        return self.guarded.folder(candidate)

    def _judged(self, candidate: Candidate) -> Candidate:
        found = objections(candidate, self._policy)
        return replace(candidate, barred="; ".join(found)) if found else candidate


class MovingGuarded(Guarded):
    """The same over a source whose references move."""

    def __init__(self, source: MovingSource, policy: TrustPolicy) -> None:
        super().__init__(source, policy)
        self._moving = source

    def revision(self) -> object:
        """The source's own: equal as long as nothing has moved."""
        return self._moving.revision()


def guarded(source: ArtifactSource, policy: str | os.PathLike[str]) -> ArtifactSource:
    """The source under the policy in this file."""
    read = load_policy(policy)
    return MovingGuarded(source, read) if isinstance(source, MovingSource) else Guarded(source, read)
