"""Frames of one size are made of any pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zcc.compiler.racing.scenes import MOST, pictures_in, read_frames
from zcc.runtime.errors import DatasetError, UsageError


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_of_the_size_keeps_its_pixels_in_the_order_asked_for(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    path = save(tmp_path / "a.png", pixels)
    [rgb], [bgr] = read_frames([path], (40, 60), "rgb"), read_frames([path], (40, 60), "bgr")
    np.testing.assert_array_equal(rgb, pixels)
    np.testing.assert_array_equal(bgr, pixels[..., ::-1])
    assert rgb.flags.c_contiguous and bgr.flags.c_contiguous


@pytest.mark.parametrize("shape", [(10, 300), (300, 10), (64, 64), (1, 1)])
def test_other_sizes_are_scaled_to_cover_the_frame(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = save(tmp_path / "a.png", np.full((*shape, 3), (10, 120, 250), np.uint8))
    [frame] = read_frames([path], (48, 80), "rgb")
    assert frame.shape == (48, 80, 3)
    assert (frame == (10, 120, 250)).all()


def test_many_pictures_are_represented_by_some_from_everywhere(tmp_path: Path) -> None:
    for number in range(100):
        save(tmp_path / f"{number:03}.png", np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    names = [path.stem for path in pictures_in(tmp_path)]
    assert len(names) == len(set(names)) == MOST
    assert (names[0], names[-1]) == ("000", "099")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no images"):
        pictures_in(tmp_path)
    with pytest.raises(DatasetError, match="not a folder"):
        pictures_in(tmp_path / "absent")


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (10, 1 << 20)])
def test_an_impossible_frame_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=f"no frame of {size[0]}x{size[1]}"):
        read_frames([], size, "bgr")
