"""What the runtime asks of a place that holds artifacts: the registry is one, a bundle file another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from zcc.runtime.manifest import Manifest


class ArtifactSource(Protocol):
    """A place that artifacts are loaded from by reference."""

    def variants(self, reference: str) -> Sequence[tuple[Manifest, Path]]:
        """Every variant the reference can mean, with the folder of its files; at least one, else NotFound."""
        ...
