"""A calibration folder as people have them: images, arrays, damaged files, too few, all alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.precision import frames
from zcc.compiler.precision.frames import load_frames
from zcc.runtime.errors import DatasetError


def noise(seed: int, size: tuple[int, int] = (40, 60)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def fill(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:03}.png"), noise(index))


def test_images_and_arrays_come_sorted_and_bgr(tmp_path: Path) -> None:
    fill(tmp_path, 16)
    np.save(tmp_path / "003a.npy", noise(99, (7, 9)))
    found = load_frames(tmp_path)
    assert found.warnings == ()
    expected = [*(noise(i) for i in range(4)), noise(99, (7, 9)), *(noise(i) for i in range(4, 16))]
    for _ in range(2):
        for frame, pixels in zip(found, expected, strict=True):
            np.testing.assert_array_equal(frame, pixels)


def test_rgb_turns_images_and_leaves_arrays(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), noise(1))
    np.save(tmp_path / "b.npy", noise(2))
    image, array = load_frames(tmp_path, "rgb")
    np.testing.assert_array_equal(image, noise(1)[..., ::-1])
    np.testing.assert_array_equal(array, noise(2))


def test_a_labelled_folder_serves_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path / "images", 3)
    (tmp_path / "labels").mkdir()
    assert [path.name for path in load_frames(tmp_path).paths] == ["000.png", "001.png", "002.png"]


def test_unreadable_files_are_named_and_left_out(tmp_path: Path) -> None:
    fill(tmp_path, 16)
    (tmp_path / "cut.jpg").write_bytes(cv2.imencode(".jpg", noise(5))[1].tobytes()[:300])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not meant as a picture")
    np.save(tmp_path / "floats.npy", np.zeros((4, 4, 3)))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "long.npy", noise(1))
    long = (tmp_path / "long.npy").read_bytes()
    (tmp_path / "long.npy").write_bytes(long.replace(b"(40, 60, 3)", b"(4000000, 60, 3)".ljust(11)))
    (tmp_path / "folder.png").mkdir()
    found = load_frames(tmp_path)
    (warning,) = found.warnings
    assert len(found.paths) == 16
    for name in ("cut.jpg", "text.png", "empty.npy", "floats.npy", "objects.npy", "long.npy", "folder.png"):
        assert name in warning
    assert "notes" not in warning


@pytest.mark.parametrize("make", [lambda p: None, lambda p: (p / "a.png").write_text("no"), lambda p: p.rmdir()])
def test_nothing_readable_is_an_error(make: object, tmp_path: Path) -> None:
    folder = tmp_path / "calib"
    folder.mkdir()
    make(folder)  # type: ignore[operator]
    with pytest.raises(DatasetError, match="give 32"):
        load_frames(folder)


@pytest.mark.parametrize(("count", "few"), [(1, True), (15, True), (16, False)])
def test_too_few_pictures_are_warned_of(count: int, few: bool, tmp_path: Path) -> None:
    fill(tmp_path, count)
    assert any("few" in warning for warning in load_frames(tmp_path).warnings) == few


def test_pictures_all_alike_are_warned_of(tmp_path: Path) -> None:
    still = cv2.resize(noise(0, (6, 9)), (640, 480))
    for index in range(20):
        grain = np.random.default_rng(index).integers(-2, 3, still.shape)
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.clip(still + grain, 0, 255).astype(np.uint8))
    (warning,) = load_frames(tmp_path).warnings
    assert "alike" in warning
    cv2.imwrite(str(tmp_path / "other.png"), noise(1))
    assert load_frames(tmp_path).warnings == ()


def test_the_digest_is_of_the_pixels(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for folder in (one, two, three):
        fill(folder, 3)
    cv2.imwrite(str(two / "000.bmp"), noise(0))
    (two / "000.png").unlink()
    pixels = noise(2)
    pixels[0, 0, 0] ^= 1
    cv2.imwrite(str(three / "002.png"), pixels)
    assert load_frames(one).digest == load_frames(two).digest != load_frames(three).digest
    assert load_frames(one).digest != load_frames(one, "rgb").digest


def test_of_many_pictures_the_same_are_drawn_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST", 20)
    fill(tmp_path, 50)
    first, second = load_frames(tmp_path), load_frames(tmp_path)
    assert first == second and len(first.paths) == 20
    assert list(first.paths) == sorted(first.paths)
    assert first.paths[-1].name > "020"
