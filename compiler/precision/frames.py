"""The pictures that show calibration what a network will see: images or `.npy` frames of one folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcc.compiler.frontend.images import SUFFIXES, read_image
from zcc.runtime.errors import DatasetError, InputError
from zcc.runtime.frame import Pixels, as_pixels
from zcc.runtime.regular import open_regular, reason

ARRAY = ".npy"
ENOUGH = 16  # pictures; with fewer, which ones they are decides about the scales
MOST = 512  # of more than these so many are drawn
SEED = 20240
NAMED = 10  # files that a warning names
GRID = 32  # pixels each way by which pictures are compared
ALIKE = 3.0  # grey levels

REMEDY = "give 32 or so pictures of what the camera will see"


@dataclass(frozen=True)
class CalibrationFrames:
    """Frames in the colour order that the detector is given, read anew each time they are gone through."""

    paths: tuple[Path, ...]
    color: str
    digest: str  # of all pixels, in order
    warnings: tuple[str, ...]

    def __iter__(self) -> Iterator[Pixels]:
        """Each frame in turn."""
        return (read_frame(path, self.color) for path in self.paths)


def load_frames(folder: Path, color: str = "bgr") -> CalibrationFrames:
    """The frames of a folder, or of `images/` in it, that can be read; what is doubtful about them is in `warnings`."""
    candidates = _drawn(_candidates(folder))
    digest, readable, unreadable = hashlib.sha256(), list[Path](), list[str]()
    looks: list[Pixels] = []
    for path in candidates:
        try:
            frame = read_frame(path, color)
        except InputError as error:
            unreadable.append(f"{path.name} ({error.problem})")
            continue
        readable.append(path)
        looks.append(_look(frame))
        digest.update(repr(frame.shape).encode() + np.ascontiguousarray(frame).data)
    if not readable:
        problem = f"no picture in {folder} can be read: {_listed(unreadable)}" if unreadable else f"{folder} is empty"
        raise DatasetError(problem, REMEDY)
    return CalibrationFrames(
        tuple(readable), color, f"sha256:{digest.hexdigest()}", _warnings(folder, unreadable, looks)
    )


def need_frame(folder: Path) -> None:
    """Raise what `load_frames` would where there is nothing to be read."""
    if not any(map(_is_readable, _drawn(_candidates(folder)))):
        load_frames(folder)


def _is_readable(path: Path) -> bool:
    try:
        read_frame(path, "bgr")
    except InputError:
        return False
    return True


def read_frame(path: Path, color: str) -> Pixels:
    """One frame; an array holds it as the detector is given it, an image is brought into that colour order."""
    if path.suffix.lower() == ARRAY:
        return as_pixels(_read_array(path))
    pixels = read_image(path)
    return as_pixels(pixels if color == "bgr" else np.ascontiguousarray(pixels[..., ::-1]))


def _read_array(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    try:
        open_regular(path).close()  # what is waited for and what never ends
        # Mapped, so that a header cannot claim more than the file holds.
        array: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} is not a readable array ({reason(error)})", "save it with numpy.save") from error
    return array


def _candidates(folder: Path) -> list[Path]:
    """Everything that should be a picture, in the order of the names."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}", REMEDY)
    inside = folder / "images"
    place = inside if inside.is_dir() else folder
    return sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES | {ARRAY})


def _drawn(paths: Sequence[Path]) -> list[Path]:
    """All paths, or MOST of them drawn by lot, the same ones every time."""
    if len(paths) <= MOST:
        return list(paths)
    lot = np.random.default_rng(SEED).choice(len(paths), MOST, replace=False)
    return [paths[index] for index in sorted(lot)]


def _look(frame: Pixels) -> Pixels:
    """A few pixels from all over the frame."""
    rows, columns = (np.linspace(0, size - 1, GRID).astype(int) for size in frame.shape[:2])
    return np.ascontiguousarray(frame[np.ix_(rows, columns)])


def _warnings(folder: Path, unreadable: Sequence[str], looks: Sequence[Pixels]) -> tuple[str, ...]:
    found = []
    if unreadable:
        found.append(
            f"{len(unreadable)} of the pictures in {folder} cannot be read and are left out: {_listed(unreadable)}"
        )
    if len(looks) < ENOUGH:
        found.append(
            f"{len(looks)} calibration pictures are few: values beyond those they show will be cut off in other "
            f"pictures; {REMEDY}"
        )
    if len(looks) > 1 and _alike(looks):
        found.append(
            f"the {len(looks)} calibration pictures all look alike: the scales will fit such pictures only; {REMEDY}"
        )
    return tuple(found)


def _alike(looks: Sequence[Pixels]) -> bool:
    stack = np.stack(looks).astype(np.float32)
    return bool(np.abs(stack - stack[0]).mean(axis=(1, 2, 3)).max() < ALIKE)


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
