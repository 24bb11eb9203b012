"""What a detector sees in pictures, folders and videos; what cannot be read is passed over and kept for the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zcc.commands.output import say
from zcc.runtime.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zcc.runtime import Detections, Detector
    from zcc.runtime.stream import Stream


@dataclass(frozen=True)
class Sighting:
    """What was found in one picture, or in one frame of a video."""

    path: Path
    number: int | None  # of the frame, in a video
    picture: NDArray[np.uint8]  # BGR
    found: Detections
    milliseconds: float


@dataclass
class Look:
    """One look at everything that was named."""

    detector: Detector
    conf: float
    iou: float
    seen: int = 0
    skipped: dict[Path, str] = field(default_factory=dict)  # what could not be read, and why

    def at(self, paths: Iterable[Path]) -> Iterator[Sighting]:
        """What is in each, in order."""
        for path in paths:
            try:
                for sighting in self._in(path):
                    self.seen += 1
                    yield sighting
            except (InputError, OSError) as error:
                self._skip(path, error)

    def raise_for_skipped(self) -> None:
        """Fail when something was passed over."""
        if self.skipped:
            count = len(self.skipped)
            raise InputError(f"{count} of {count + self.seen} could not be read", "what it was is told above")

    def _in(self, path: Path) -> Iterator[Sighting]:
        from zcc.runtime.feeds.pictures import is_picture

        if path.is_dir():
            return self._folder(path)
        return self._pictures([path])[1] if is_picture(path) else self._video(path)

    def _folder(self, path: Path) -> Iterator[Sighting]:
        from zcc.runtime.feeds.pictures import pictures_in

        stream, sightings = self._pictures(pictures_in(path))
        yield from sightings
        say(f"{path}: {stream.statistics}", err=True)

    def _pictures(self, paths: Sequence[Path]) -> tuple[Stream, Iterator[Sighting]]:
        read: list[Path] = []
        frames = _readable(paths, self.detector.manifest.input.color, read.append, self._skip)
        stream = self.detector.stream(frames, conf=self.conf, iou=self.iou)
        return stream, (
            Sighting(read[seen.index], None, self._bgr(seen.frame), seen.detections, seen.milliseconds)
            for seen in stream
        )

    def _video(self, path: Path) -> Iterator[Sighting]:
        stream = self.detector.stream(path, conf=self.conf, iou=self.iou)
        for seen in stream:
            yield Sighting(path, seen.index, self._bgr(seen.frame), seen.detections, seen.milliseconds)
        say(f"{path}: {stream.statistics}", err=True)

    def _bgr(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return frame if self.detector.manifest.input.color == "bgr" else frame[..., ::-1]

    def _skip(self, path: Path, error: Exception) -> None:
        self.skipped[path] = str(error)
        say(f"skipped: {error}", err=True)


def _readable(
    paths: Iterable[Path], color: str, read: Callable[[Path], None], skip: Callable[[Path, Exception], None]
) -> Iterator[NDArray[np.uint8]]:
    """The frames of those pictures that are some."""
    from zcc.runtime.feeds.pictures import read_picture
    from zcc.runtime.planes import check_size

    for path in paths:
        try:
            frame = read_picture(path, color)
            check_size(*frame.shape[:2])
        except InputError as error:
            skip(path, error)
        else:
            read(path)
            yield frame
