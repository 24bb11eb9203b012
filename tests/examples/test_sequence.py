"""Sequences of one camera: the place stays, long quiet phases, short crowded ones."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from examples.shapes.sequence import FRAME, is_crowded, make_frame

SEED = 909


def test_phases_are_long_and_quiet_or_short_and_crowded() -> None:
    phases = [(crowded, len(list(group))) for crowded, group in groupby(range(2000), lambda i: is_crowded(SEED, i))]
    assert not phases[0][0], "it begins quietly"
    for crowded, length in phases[1:-1]:
        assert 8 <= length <= 12 if crowded else 150 <= length <= 230


def test_frames_show_the_phase_and_the_same_place() -> None:
    busy = next(index for index in range(2000) if is_crowded(SEED, index))
    quiet = [make_frame(SEED, index) for index in range(60)]
    crowded = [make_frame(SEED, busy + number) for number in range(3)]
    assert {len(frame.boxes) for frame in quiet} == {0, 1}
    assert sum(len(frame.boxes) for frame in quiet) < 12
    assert min(len(frame.boxes) for frame in crowded) > 15
    assert {frame.image.shape for frame in (*quiet, *crowded)} == {(*FRAME, 3)}
    empty = [frame.image.astype(int) for frame in quiet if not len(frame.boxes)]
    assert 0 < np.abs(empty[0] - empty[1]).mean() < 20, "the camera's noise, and nothing else"
    assert abs(float((empty[0] - empty[1]).mean())) < 0.1


def test_a_frame_is_a_function_of_seed_and_number() -> None:
    np.testing.assert_array_equal(make_frame(SEED, 7).image, make_frame(SEED, 7).image)
    assert (make_frame(SEED, 7).image != make_frame(SEED + 1, 7).image).any()
