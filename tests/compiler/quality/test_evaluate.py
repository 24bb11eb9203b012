"""A detector is measured on what it really says about each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from zcc.compiler.quality.dataset import load_dataset
from zcc.compiler.quality.evaluate import evaluate
from zcc.runtime.errors import DatasetError


@dataclass(frozen=True)
class Found:
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]


def brightest(frame: NDArray[np.uint8]) -> Found:
    """Boxes the bright rectangle in a dark picture; its class is the channel, B, G or R, that is lit."""
    rows, columns, channels = np.nonzero(frame > 128)
    if not len(rows):
        return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return Found(np.array([box], np.float32), np.ones(1, np.float32), channels[:1].astype(np.int32))


def write(folder: Path, boxes: list[tuple[int, int, int, int, int]]) -> None:
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number, (x0, y0, x1, y1, channel) in enumerate(boxes):
        pixels = np.zeros((50, 100, 3), np.uint8)
        pixels[y0:y1, x0:x1, 2 - channel] = 255  # the file is RGB, classes are numbered in BGR
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        place = f"{(x0 + x1) / 200} {(y0 + y1) / 100} {(x1 - x0) / 100} {(y1 - y0) / 50}"
        (folder / "labels" / f"{number}.txt").write_text(f"{channel} {place}")


def test_a_detector_that_sees_everything_scores_one(tmp_path: Path) -> None:
    write(tmp_path, [(10, 5, 40, 30, 0), (0, 0, 100, 50, 1), (90, 40, 99, 49, 2)])
    result = evaluate(brightest, load_dataset(tmp_path))
    assert result.map50_95 == pytest.approx(1.0)
    assert set(result.per_class) == {0, 1, 2}


def test_a_label_the_detector_misses_costs_its_share(tmp_path: Path) -> None:
    write(tmp_path, [(10, 5, 40, 30, 0), (20, 10, 60, 40, 1)])
    (tmp_path / "labels" / "1.txt").write_text("2 0.4 0.5 0.4 0.6")
    result = evaluate(brightest, load_dataset(tmp_path))
    assert result.map50 == pytest.approx(0.5)


def test_pictures_without_any_label_cannot_be_measured(tmp_path: Path) -> None:
    write(tmp_path, [(10, 5, 40, 30, 0)])
    (tmp_path / "labels" / "0.txt").write_text("")
    with pytest.raises(DatasetError, match="labels nothing"):
        evaluate(brightest, load_dataset(tmp_path))
