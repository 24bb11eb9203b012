"""What a list shows and filters by, beside each manifest: so that ten thousand of these need not be read for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zcc.registry.tables import METRICS
from zcc.runtime.manifest import Manifest, Measurement


def summary_of(manifest: Manifest) -> dict[str, Any]:
    """The columns of a manifest's summary."""
    return {
        "created": manifest.created,
        "model_sha256": manifest.model_sha256,
        "bytes": manifest.sizes["total"],
        "width": manifest.input.width,
        "height": manifest.input.height,
        **{metric: _last(metric, manifest.measured) for metric in METRICS},  # of the build
    }


def _last(metric: str, figures: Sequence[Measurement]) -> float | None:
    return next((float(each.value) for each in reversed(figures) if each.metric == metric), None)
