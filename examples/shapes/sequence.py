"""A sequence as one fixed camera sees it: long quiet phases, and short crowded ones between them.

A frame is a function of (seed, index) alone, as a scene is; the place, the camera and the phases are the seed's.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np

from examples.shapes import clutter
from examples.shapes.scenes import CROWDED, QUIET, Crowd, Scene, labelled, paint_crowd

SEQUENCE_SEED = 77_003
FRAME = (480, 640)  # height, width
_QUIET_FRAMES = (80, 140)  # least and most
_CROWDED_FRAMES = (5, 9)
_PLACE, _CAMERA, _PHASES, _FRAME = range(4)  # what is drawn from the seed, each with random numbers of its own


def make_frame(seed: int, index: int) -> Scene:
    """The frame with this number of the sequence with this seed."""
    rng = np.random.default_rng([seed, _FRAME, index])
    place_rng = np.random.default_rng([seed, _PLACE])
    place = clutter.strokes(place_rng, clutter.background(place_rng, *FRAME))
    pixels, shapes = paint_crowd(rng, place, crowd_at(seed, index))
    return labelled(clutter.sensor(np.random.default_rng([seed, _CAMERA]), pixels, rng), shapes)


def crowd_at(seed: int, index: int) -> Crowd:
    """How crowded the frame with this number is."""
    rng, end = np.random.default_rng([seed, _PHASES]), 0
    for crowd, (least, most) in cycle(((QUIET, _QUIET_FRAMES), (CROWDED, _CROWDED_FRAMES))):
        end += int(rng.integers(least, most + 1))
        if index < end:
            return crowd
    raise AssertionError("a cycle has no end")
