"""What a detector sees in all that was named; what cannot be read is passed over and kept for the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

from zcc.commands.inputs import Film, Picture, meant_by
from zcc.commands.output import say
from zcc.runtime.errors import InputError
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zcc.runtime import Detections, Detector
    from zcc.runtime.stream import Stream


@dataclass(frozen=True)
class Sighting:
    """What was found in one picture, or in one frame of a film."""

    name: str
    stem: str  # of the names of files that are made of it
    picture: NDArray[np.uint8]  # BGR
    found: Detections
    milliseconds: float
    film: Film | None = None
    number: int | None = None  # of the frame in the film
    time: float = 0.0  # when the frame came, in seconds


@dataclass
class Look:
    """One look at everything that was named."""

    detector: Detector
    conf: float
    iou: float
    classes: frozenset[int] | None = None  # what is wanted; everything where it is None
    limit: int | None = None  # frames and pictures at most
    seen: int = 0
    skipped: dict[str, str] = field(default_factory=dict)  # what could not be read, and why

    def named(self, words: Iterable[str]) -> list[Picture | Film]:
        """Everything that words stand for, in order."""
        found: list[Picture | Film] = []
        for word in words:
            try:
                found += meant_by(word)
            except (InputError, OSError) as error:
                self._skip(word, error)
        return found

    def at(self, inputs: Sequence[Picture | Film]) -> Iterator[Sighting]:
        """What is in each, in order."""
        for sighting in islice(self._all(inputs), self.limit):
            self.seen += 1
            yield sighting if self.classes is None else replace(sighting, found=self._wanted(sighting.found))

    def raise_for_skipped(self) -> None:
        """Fail when something was passed over."""
        if self.skipped:
            count = len(self.skipped)
            raise InputError(f"{count} of {count + self.seen} could not be read", "what it was is told above")

    def _all(self, inputs: Sequence[Picture | Film]) -> Iterator[Sighting]:
        # Pictures that follow each other are read ahead of the detector, like the frames of a film.
        for are_films, group in groupby(inputs, lambda each: isinstance(each, Film)):
            if not are_films:
                yield from self._pictures([each for each in group if isinstance(each, Picture)])
                continue
            for film in group:
                try:
                    if isinstance(film, Film):
                        yield from self._frames(film)
                except (InputError, OSError) as error:
                    self._skip(film.name, error)

    def _pictures(self, pictures: Sequence[Picture]) -> Iterator[Sighting]:
        read: list[Picture] = []
        frames = _readable(pictures, self.detector.manifest.input.color, read.append, self._skip)
        stream = self.detector.stream(frames, conf=self.conf, iou=self.iou)
        for seen in stream:
            picture = read[seen.index]
            yield Sighting(picture.name, picture.stem, self._bgr(seen.frame), seen.detections, seen.milliseconds)
        if len(pictures) > 1:
            self._sum_up(counted(len(pictures), "picture"), stream)

    def _frames(self, film: Film) -> Iterator[Sighting]:
        mode = "newest" if film.live else "every"
        with self.detector.stream(film.source, mode=mode, conf=self.conf, iou=self.iou) as stream:
            for seen in stream:
                yield Sighting(
                    film.name, film.stem, self._bgr(seen.frame), seen.detections, seen.milliseconds,
                    film, seen.index, seen.time,
                )  # fmt: skip
        self._sum_up(film.name, stream)

    def _sum_up(self, what: str, stream: Stream) -> None:
        say(f"{what}: {stream.statistics}", err=True)

    def _wanted(self, found: Detections) -> Detections:
        kept = [number in (self.classes or ()) for number in found.classes.tolist()]
        return found.only(kept)

    def _bgr(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return frame if self.detector.manifest.input.color == "bgr" else frame[..., ::-1]

    def _skip(self, name: str, error: Exception) -> None:
        self.skipped[name] = str(error)
        say(f"skipped: {error}", err=True)


def _readable(
    pictures: Iterable[Picture], color: str, read: Callable[[Picture], None], skip: Callable[[str, Exception], None]
) -> Iterator[NDArray[np.uint8]]:
    """The frames of those pictures that are some."""
    from zcc.runtime.planes import check_size

    for picture in pictures:
        try:
            frame = picture.read(color)
            check_size(*frame.shape[:2])
        except (InputError, OSError) as error:
            skip(picture.name, error)
        else:
            read(picture)
            yield frame
