"""The bar that variants are held to: pictures, the fp32 variant's answers to them, and what may be lost."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from zcc.compiler.quality.evaluate import Detect
from zcc.compiler.quality.gate import Verdict, judge
from zcc.compiler.quality.pictures import Pictures
from zcc.compiler.quality.standard import Standard


@dataclass(frozen=True)
class Bar:
    """`reference` makes the fp32 detector when it is first needed."""

    pictures: Pictures
    max_drop: float  # points of mAP50-95
    reference: Callable[[], Detect]
    asked: bool = True  # whether the user asked for a bar, or there just are pictures for one
    warn: Callable[[str], None] = lambda _: None  # told what is odd about the labels

    @property
    def digest(self) -> str:
        """The hash of what decides the verdict: pictures, labels, what may be lost."""
        digest = hashlib.sha256(f"{self.max_drop!r} {self.pictures.digest}".encode())
        for labels in self.pictures.labels or ():
            digest.update(labels.boxes.tobytes() + labels.classes.tobytes() + labels.crowd.tobytes())
            digest.update(pickle.dumps(labels.shapes, protocol=4))
        return f"sha256:{digest.hexdigest()}"

    @cached_property
    def standard(self) -> Standard:
        """What the reference says, asked once."""
        standard = Standard(self._detect, self.pictures)
        if standard.doubt is not None:
            self.warn(standard.doubt)
        return standard

    @cached_property
    def _detect(self) -> Detect:
        """The reference, built once also where it finds nothing."""
        return self.reference()

    def offer(self, reference: Detect) -> None:
        """Take a detector for the reference that is the same as what `reference` would make; the first one stays."""
        vars(self).setdefault("_detect", reference)

    def judge(self, candidate: Detect) -> Verdict:
        """Hold a variant to the bar."""
        return judge(self.standard, candidate, self.max_drop)
