"""A sequence as one fixed camera sees it: for long nothing but now and then a lone shape, and short crowded phases.

A frame is a function of (seed, index) alone, as a scene is; the place, the camera and the phases are the seed's.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import cycle

import numpy as np

from examples.shapes import clutter
from examples.shapes.scenes import CROWDED, Crowd, Scene, labelled, paint_crowd

SEQUENCE_SEED = 77_003
FRAME = (480, 640)  # height, width
EMPTY, LONE = Crowd(0, 0, (0.08, 0.30)), Crowd(1, 1, (0.08, 0.30))
_QUIET_FRAMES = (150, 230)  # least and most
_CROWDED_FRAMES = (8, 12)
_LONE_ODDS = 0.05
_PLACE, _CAMERA, _PHASES, _FRAME = range(4)  # what is drawn from the seed, each with random numbers of its own


def make_frame(seed: int, index: int) -> Scene:
    """The frame with this number of the sequence with this seed."""
    rng = np.random.default_rng([seed, _FRAME, index])
    pixels, shapes = paint_crowd(rng, _place(seed), _crowd_at(seed, index, rng))
    return labelled(clutter.sensor(np.random.default_rng([seed, _CAMERA]), pixels, rng), shapes)


def is_crowded(seed: int, index: int) -> bool:
    """Whether the frame with this number lies in a crowded phase."""
    rng, end = np.random.default_rng([seed, _PHASES]), 0
    for crowded, (least, most) in cycle(((False, _QUIET_FRAMES), (True, _CROWDED_FRAMES))):
        end += int(rng.integers(least, most + 1))
        if index < end:
            return crowded
    raise AssertionError("a cycle has no end")


def _crowd_at(seed: int, index: int, rng: np.random.Generator) -> Crowd:
    if is_crowded(seed, index):
        return CROWDED
    return LONE if rng.random() < _LONE_ODDS else EMPTY


@lru_cache(maxsize=1)
def _place(seed: int) -> clutter.Pixels:
    rng = np.random.default_rng([seed, _PLACE])
    return clutter.strokes(rng, clutter.background(rng, *FRAME))
