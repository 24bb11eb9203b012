"""A sequence as one fixed camera sees it: for long nothing or a lone shape, and short crowded phases between.

A frame is a function of (seed, index) alone, as a scene is; the place, the camera and the phases are the seed's.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np

from examples.shapes import clutter
from examples.shapes.scenes import CROWDED, Crowd, Scene, labelled, paint_crowd

SEQUENCE_SEED = 77_003
FRAME = (480, 640)  # height, width
QUIET = Crowd(0, 1, (0.08, 0.30))
_PHASES = ((QUIET, 150, 230), (CROWDED, 8, 12))  # with the least and most frames
_PLACE, _CAMERA, _CROWDS, _FRAME = range(4)  # what is drawn from the seed, each with random numbers of its own


def make_frame(seed: int, index: int) -> Scene:
    """The frame with this number of the sequence with this seed."""
    rng = np.random.default_rng([seed, _FRAME, index])
    place_rng = np.random.default_rng([seed, _PLACE])
    place = clutter.strokes(place_rng, clutter.background(place_rng, *FRAME))
    pixels, shapes = paint_crowd(rng, place, crowd_at(seed, index))
    return labelled(clutter.sensor(np.random.default_rng([seed, _CAMERA]), pixels, rng), shapes)


def crowd_at(seed: int, index: int) -> Crowd:
    """How crowded the frame with this number is."""
    rng, end = np.random.default_rng([seed, _CROWDS]), 0
    for crowd, least, most in cycle(_PHASES):
        end += int(rng.integers(least, most + 1))
        if index < end:
            return crowd
    raise AssertionError("a cycle has no end")
