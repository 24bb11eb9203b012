"""Labels whose classes are in another order than the model's are noticed by what is found in their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.compiler.quality.detectors import Found
from zcc.compiler.quality.class_order import doubt

NAMES = ("circle", "ring", "square", "star")


@dataclass(frozen=True)
class Known:
    boxes: NDArray[Any]
    classes: NDArray[Any]

    @property
    def crowd(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.classes), bool)


def scenes(seed: int, labelled: Sequence[int], noise: float = 0.0) -> tuple[list[Known], list[Found]]:
    """Pictures of six objects, labelled by what `labelled` makes of their classes, and all of them found."""
    rng = np.random.default_rng(seed)
    known, found = [], []
    for _ in range(8):
        corners = rng.uniform(0, 400, (6, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(20, 60, (6, 2))], axis=1)
        classes = rng.integers(0, len(NAMES), 6)
        said = np.where(rng.random(6) < noise, rng.integers(0, len(NAMES), 6), classes)
        known.append(Known(boxes, np.array(labelled)[classes]))
        found.append(Found(boxes + 1, np.full(6, 0.8), said))
    return known, found


def test_the_right_order_gives_no_warning() -> None:
    assert doubt(*scenes(1, [0, 1, 2, 3]), NAMES) is None
    assert doubt(*scenes(2, [0, 1, 2, 3], noise=0.5), NAMES) is None, "a poor model is not another order"


def test_another_order_is_named() -> None:
    told = doubt(*scenes(3, [1, 2, 3, 0]), NAMES)
    assert told is not None
    assert "of 48 objects 48 would be right instead of 0" in told
    assert "if circle meant star, ring meant circle, square meant ring, star meant square" in told


def test_two_classes_in_each_others_place_are_enough() -> None:
    told = doubt(*scenes(6, [0, 1, 3, 2], noise=0.3), NAMES)
    assert told is not None and "if square meant star, star meant square" in told


def test_a_model_that_finds_nothing_or_too_little_gives_none() -> None:
    known, found = scenes(4, [1, 2, 3, 0])
    assert doubt(known[:1], found[:1], NAMES) is None
    nothing = [Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)) for _ in known]
    assert doubt(known, nothing, NAMES) is None
    assert doubt([], [], NAMES) is None


def test_classes_without_names_are_numbers() -> None:
    told = doubt(*scenes(5, [1, 2, 3, 0]), ())
    assert told is not None and "0 meant 3" in told
