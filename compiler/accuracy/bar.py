"""The bar that variants are held to: pictures, the fp32 variant's answers to them, and what may be lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from zcc.compiler.accuracy.evaluate import Detect
from zcc.compiler.accuracy.gate import Verdict, judge
from zcc.compiler.accuracy.pictures import Pictures
from zcc.compiler.accuracy.standard import Standard


@dataclass(frozen=True)
class Bar:
    """`reference` makes the fp32 detector when it is first needed."""

    pictures: Pictures
    max_drop: float  # points of mAP50-95
    digest: str
    reference: Callable[[], Detect]

    @cached_property
    def standard(self) -> Standard:
        """What the reference says, asked once."""
        return Standard(self.reference(), self.pictures)

    def judge(self, candidate: Detect) -> Verdict:
        """Hold a variant to the bar."""
        return judge(self.standard, candidate, self.max_drop)


def digest_of(place: Path, max_drop: float) -> str:
    """The hash of every file of a folder, or of one file, and of the bar."""
    digest = hashlib.sha256(f"{max_drop!r}".encode())
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for path in files:
        if path.is_file():
            digest.update(str(path.relative_to(place)).encode() + b"\0" + path.read_bytes())
    return f"sha256:{digest.hexdigest()}"
