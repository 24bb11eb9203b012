"""Picture files as frames, by each decoder, against the pixels that were written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.long.bombs import write_png
from tests.runtime.samples import noise
from zcc.runtime.errors import FrameError, InputError
from zcc.runtime.feeds.pictures import DECODERS, folder, is_picture, read_picture
from zcc.runtime.feeds.table import open_feed
from zcc.runtime.frame import Pixels

RGB = noise(20, 30)
BGR = RGB[..., ::-1]


def of_file(decode: Callable[[bytes, str], Pixels]) -> Callable[[Path], Pixels]:
    """A decoder that is given a path."""
    return lambda path: decode(path.read_bytes(), str(path))


decoders = pytest.mark.parametrize("decode", [*map(of_file, DECODERS.values())], ids=DECODERS)
Decode = Callable[[Path], Pixels]


@decoders
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp"])
def test_every_pixel_comes_back_as_bgr(decode: Decode, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    Image.fromarray(RGB).save(path, lossless=True)
    np.testing.assert_array_equal(decode(path), BGR)
    np.testing.assert_array_equal(read_picture(path, "rgb"), RGB)


@decoders
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(decode: Decode, tmp_path: Path, orientation: int) -> None:
    """A camera held in eight ways, and what each must become, by numpy."""
    turned = {
        1: BGR,
        2: BGR[:, ::-1],
        3: BGR[::-1, ::-1],
        4: BGR[::-1],
        5: BGR.swapaxes(0, 1),
        6: np.rot90(BGR, -1),
        7: BGR[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(BGR),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(np.kron(RGB, np.ones((16, 16, 1), np.uint8))).save(path, exif=exif, quality=100, subsampling=0)
    found = decode(path)[8::16, 8::16].astype(int)
    assert found.shape == turned[orientation].shape
    assert np.abs(found - turned[orientation]).max() <= 8, "JPEG's own loss"


@decoders
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_other_kinds_of_pixels_become_three_channels(decode: Decode, tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(np.repeat(RGB[..., :1] // 128 * 255, 3, axis=2)).convert(mode)
    path = tmp_path / "picture.png"
    image.save(path)
    np.testing.assert_array_equal(decode(path), np.asarray(image.convert("RGB"))[..., ::-1])


@decoders
@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_named(decode: Decode, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(FrameError, match=r"bad\.jpg is (not an|a damaged) image"):
        decode(path)
    with pytest.raises(FrameError, match=r"absent\.jpg cannot be read"):
        read_picture(tmp_path / "absent.jpg")


def test_deep_pictures_are_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(path)
    with pytest.raises(FrameError, match="more than 8 bits"):
        read_picture(path)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.JPG", b"", True),
        ("a", b"\xff\xd8\xff\xe0", True),
        ("a.bin", b"\x89PNG\r\n\x1a\n", True),
        ("a.bin", b"RIFF\x00\x00\x00\x00WEBP", True),
        ("a.avi", b"RIFF\x00\x00\x00\x00AVI ", False),
        ("a.mp4", b"\x00\x00\x00\x20ftyp", False),
        ("a", b"", False),
    ],
)
def test_a_picture_is_known_by_its_name_or_its_first_bytes(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_picture(path) is expected


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="holds no pictures"):
        folder(tmp_path, "bgr")


@decoders
def test_a_picture_of_more_pixels_than_any_camera_takes_is_refused(decode: Decode, tmp_path: Path) -> None:
    write_png(tmp_path / "bomb.png", 60_000, 30_000)
    assert (tmp_path / "bomb.png").stat().st_size < 1 << 20
    with pytest.raises(FrameError, match=r"bomb\.png has .*pixels.*at most 120 million"):
        decode(tmp_path / "bomb.png")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "zeros"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "trap.jpg")
    make(tmp_path / "trap")
    for read in (read_picture, lambda path: list(folder(path.parent, "bgr"))):
        with pytest.raises(FrameError, match=r"trap\.jpg cannot be read \(it is no regular file\)"):
            read(tmp_path / "trap.jpg")
    with pytest.raises(InputError, match="trap is neither a file nor a camera"):
        open_feed(tmp_path / "trap", "bgr")


def test_what_other_programs_would_read_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(FrameError, match="is not an image"):
        read_picture(tmp_path / "picture.jpg")
