"""Pictures are read as OpenCV reads them; what is no picture is refused in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zcc.compiler.frontend.images import image_size, read_image
from zcc.runtime.errors import DatasetError


def noise(height: int = 33, width: int = 47) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_pixels_are_those_of_opencv(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    cv2.imwrite(str(path), noise())
    pixels = read_image(path)
    np.testing.assert_array_equal(pixels, noise())
    assert pixels.flags.c_contiguous
    assert image_size(path) == (47, 33)


def test_jpeg_pixels_are_close_to_those_of_opencv(tmp_path: Path) -> None:
    path = tmp_path / "noise.jpg"
    cv2.imwrite(str(path), noise())
    assert np.abs(read_image(path).astype(int) - cv2.imread(str(path))).max() <= 4


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_kind_of_picture_becomes_bgr_bytes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    Image.new("RGB", (20, 10), (255, 0, 0)).convert(mode).save(path)
    pixels = read_image(path)
    assert pixels.shape == (10, 20, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.linear_gradient("L").resize((80, 40)).save(path, exif=exif, quality=95)
    expected = cv2.imread(str(path))  # OpenCV turns it, too
    assert np.abs(read_image(path).astype(int) - expected).max() <= 4
    assert image_size(path) == expected.shape[1::-1]


def test_deep_pictures_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((9, 9), 40_000, np.uint16))
    for reader in (read_image, image_size):
        with pytest.raises(DatasetError, match="more than 8 bits per channel; convert it"):
            reader(path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    for path, expected in (
        (text, "text.jpg is not an image"),
        (tmp_path / "none.jpg", r"none.jpg cannot be read \(No such file"),
        (tmp_path, r"cannot be read \(Is a directory"),
    ):
        with pytest.raises(DatasetError, match=expected):
            read_image(path)


def test_a_truncated_picture_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    cv2.imwrite(str(path), noise(100, 100))
    path.write_bytes(path.read_bytes()[:-2000])
    assert image_size(path) == (100, 100)
    with pytest.raises(DatasetError, match=r"cut.jpg is a damaged image"):
        read_image(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    for suffix in ("png", "jpg", "webp", "bmp", "tiff"):
        cv2.imwrite(str(folder / f"a.{suffix}"), noise())
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=300)
@given(data=st.data(), suffix=st.sampled_from([".png", ".jpg", ".webp", ".bmp", ".tiff"]))
def test_mutated_files_give_pixels_or_one_clear_error(
    whole: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, suffix: str
) -> None:
    bytes_ = bytearray(whole[suffix])
    for place in data.draw(st.lists(st.integers(0, min(len(bytes_) - 1, 400)), max_size=8)):
        bytes_[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"mutated{suffix}"
    path.write_bytes(bytes_[: data.draw(st.integers(0, len(bytes_)))])
    try:
        assert read_image(path).ndim == 3
    except DatasetError as error:
        assert "\n" not in str(error)
