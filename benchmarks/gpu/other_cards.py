"""Detectors on every card of a machine: each finds what the first card finds, and takes no other card's frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.same import identical
from benchmarks.gpu.swapping import Kind, found_by
from benchmarks.gpu.timing import OnCard
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError
from zcc.runtime.executors.cuda_context import capabilities, context


def on_other_cards(bundle: Path, kinds: Sequence[Kind], frames: Sequence[Any]) -> Iterator[str]:
    """What goes wrong on cards of the first one's kind; nothing where there is one card."""
    cards = capabilities()
    others = [number for number, card in enumerate(cards) if number and card == cards[0]]
    for kind in kinds if others else ():
        wanted = found_by(bundle, kind, frames)
        for number in others:
            detector = Detector.load(bundle, *kind, device=f"cuda:{number}")
            found = [detector(frame) for frame in frames]
            differ = sum(not identical(*pair) for pair in zip(found, wanted, strict=True))
            print(f"{kind[0]} on cuda:{number}: {differ} of {len(frames)} pictures differ in some bit", flush=True)
            if differ:
                yield f"{kind[0]} on cuda:{number}: {differ} pictures differ from cuda:0"
            if not refused(detector, OnCard(context(0), np.ascontiguousarray(frames[0]))):
                yield f"{kind[0]} on cuda:{number} took a frame that lies on cuda:0"


def refused(detector: Detector, frame: OnCard) -> bool:
    """Whether a detector will not take a frame."""
    try:
        detector(frame)
    except FrameError:
        return True
    return False
