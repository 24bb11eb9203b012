"""Variants from where they are kept into memory: at once, aside while others run frames, or several side by side."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zcc.runtime.choice import Wish, choose
from zcc.runtime.engine import ASIDE, engine
from zcc.runtime.frame import Frame, as_frame
from zcc.runtime.manifest import InputSpec
from zcc.runtime.source import ArtifactSource, Candidate
from zcc.runtime.variant import Variant

GREY = 114


def load_now(source: ArtifactSource, candidate: Candidate, device: str | None = None) -> Variant:
    """The variant, as quickly as it goes."""
    return Variant(source.folder(candidate), candidate.manifest, device)


def load_aside(source: ArtifactSource, candidate: Candidate, device: str | None = None) -> Variant:
    """The variant, checked and loaded while frames go first; it has not run, and another must be loaded already."""
    return engine(ASIDE).call(lambda: load_now(source, candidate, device))


def load_warm(source: ArtifactSource, candidate: Candidate, device: str | None = None) -> Variant:
    """The variant, loaded aside, and warm: its first frame takes no longer than the next."""
    return warmed(load_aside(source, candidate, device))


def load_residents(source: ArtifactSource, reference: str, dtypes: Iterable[str], wish: Wish) -> dict[str, Variant]:
    """A warm variant for each dtype, in their order; nothing is loaded when one of them cannot be."""
    variants = source.variants(reference)
    chosen = {
        dtype: choose(reference, variants, dtype, wish.target, wish.prefer, wish.device)
        for dtype in dict.fromkeys(dtypes)
    }
    return {dtype: warmed(load_now(source, candidate, wish.device)) for dtype, candidate in chosen.items()}


def warmed(variant: Variant) -> Variant:
    """The variant, once it has run a frame aside; not one that runs frames."""
    variant.rehearse(blank(variant.manifest.input), 0.25, 0.45)
    return variant


def blank(spec: InputSpec) -> Frame:
    """A grey frame of the size that the network takes."""
    return as_frame(np.full((spec.height, spec.width, 3), GREY, np.uint8))
