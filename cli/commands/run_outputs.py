"""Where `zcc run` puts what it saw: pictures, videos, labels, cut-outs, a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zcc.commands.output import say
from zcc.runtime.errors import InputError, UsageError
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from zcc.commands.inputs import Film
    from zcc.commands.sightings import Sighting

# Suffix -> the codec that every OpenCV can write it in.
VIDEO_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG", ".webm": "VP80"}
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
USUAL_RATE, SLIDES_RATE = 25.0, 2.0  # frames a second, of films that do not say, and of pictures one after another


class Enough(Exception):
    """Somebody closed the window: what was made up to now is kept, and nothing more is looked at."""


class Output(Protocol):
    """Something that is made of what is seen."""

    def take(self, sighting: Sighting) -> None:
        """Add what was seen."""
        ...

    def close(self) -> None:
        """Finish what was made."""
        ...


def through(sightings: Iterable[Sighting], outputs: Sequence[Output]) -> Iterator[Sighting]:
    """The same sightings, each taken by every output on its way."""
    try:
        for sighting in sightings:
            for output in outputs:
                output.take(sighting)
            yield sighting
    except Enough:
        return


@contextmanager
def finished(outputs: Sequence[Output]) -> Iterator[None]:
    """Finish what was made, however the block ends: a camera is watched until Ctrl-C."""
    with ExitStack() as stack:
        for output in outputs:
            stack.callback(output.close)
        yield


def saved(place: Path, names: Sequence[str]) -> Output:
    """Drawn pictures at a place: in a video or a picture file, as its suffix says, or in a folder."""
    suffix = place.suffix.lower()
    if place.is_dir() or suffix not in (*VIDEO_CODECS, *PICTURE_SUFFIXES):
        return DrawnFolder(place, names)
    return VideoFile(place, names) if suffix in VIDEO_CODECS else PictureFile(place, names)


class FreeNames:
    """Names that no other picture of this call has, though their own may be the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, stem: str, suffix: str) -> str:
        """The stem with the suffix, and a number where that is taken."""
        names = chain([f"{stem}{suffix}"], (f"{stem}-{number}{suffix}" for number in count(2)))
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        return name


class DrawnFolder:
    """A folder with a drawn picture of each picture, and a drawn video of each film."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._names = folder, names
        self._free = FreeNames()
        self._film: Film | None = None
        self._video: VideoFile | None = None

    def take(self, sighting: Sighting) -> None:
        """Save a picture, or add a frame to its film's video."""
        from zcc.commands.drawing import save_drawing

        if sighting.film is not self._film:
            self.close()
            self._film = sighting.film
            if sighting.film is not None:
                self._video = VideoFile(self._folder / self._free.of(sighting.stem, ".mp4"), self._names)
        if self._video is not None:
            self._video.take(sighting)
            return
        path = self._folder / self._free.of(sighting.stem, ".jpg")
        save_drawing(sighting.picture, sighting.found, self._names, path)
        say(f"saved {escaped(str(path))}", err=True)

    def close(self) -> None:
        """Finish the video."""
        if self._video is not None:
            self._video.close()
        self._video = None


class PictureFile:
    """One drawn picture."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._path, self._names = path, names
        self._taken = False

    def take(self, sighting: Sighting) -> None:
        """Save it; a second one has no place."""
        from zcc.commands.drawing import save_drawing

        if self._taken:
            raise UsageError(f"{self._path} holds one picture, and there are several", "name a folder, or a video")
        self._taken = True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        save_drawing(sighting.picture, sighting.found, self._names, self._path)
        say(f"saved {escaped(str(self._path))}", err=True)

    def close(self) -> None:
        """It is there already."""


class VideoFile:
    """A video of drawn frames; frames of another size than the first are fitted into its size."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        from zcc.runtime.feeds.packages import opencv

        if path.suffix.lower() not in VIDEO_CODECS:
            raise UsageError(f"{path} has no suffix of a video", f"choose one of {', '.join(VIDEO_CODECS)}")
        self._cv2 = opencv(f"the video {path}")
        self._path, self._names = path, names
        self._writer: Any = None
        self._size = (0, 0)
        self._rate, self._begun, self._written = USUAL_RATE, 0.0, 0

    def take(self, sighting: Sighting) -> None:
        """Add a frame; of a camera as often as its time asks for, so that the video is as fast as life."""
        from zcc.commands.drawing import annotated

        image = annotated(sighting.picture, sighting.found, self._names)
        if self._writer is None:
            self._open(image.size, sighting)
        frame = np.ascontiguousarray(np.asarray(self._fitted(image))[..., ::-1])
        for _ in range(self._copies(sighting)):
            self._writer.write(frame)
            self._written += 1

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            say(f"saved {escaped(str(self._path))}", err=True)
        self._writer = None

    def _open(self, size: tuple[int, int], sighting: Sighting) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Codecs that halve the colours want even sides.
        self._size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self._rate, self._begun = _rate(sighting.film), sighting.time
        codec = self._cv2.VideoWriter.fourcc(*VIDEO_CODECS[self._path.suffix.lower()])
        self._writer = self._cv2.VideoWriter(str(self._path), codec, self._rate, self._size)
        if not self._writer.isOpened():
            self._writer = None
            raise InputError(f"{self._path} cannot be written as a video", "check the folder, or choose another suffix")

    def _copies(self, sighting: Sighting) -> int:
        if sighting.film is None or not sighting.film.live:
            return 1
        return max(0, round((sighting.time - self._begun) * self._rate) + 1 - self._written)

    def _fitted(self, image: Image.Image) -> Image.Image:
        from PIL import ImageOps

        near = abs(image.width - self._size[0]) <= 1 and abs(image.height - self._size[1]) <= 1
        return image.crop((0, 0, *self._size)) if near else ImageOps.pad(image, self._size)


def _rate(film: Film | None) -> float:
    """Frames a second of the video that is made of it."""
    from zcc.runtime.feeds.video import video_facts

    if film is None:
        return SLIDES_RATE
    return (None if film.live else video_facts(film.source).per_second) or USUAL_RATE


class LabelFolder:
    """A file of YOLO's labels for each picture and each frame."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._free = folder, FreeNames()

    def take(self, sighting: Sighting) -> None:
        """Write the file, an empty one where nothing was found."""
        from zcc.commands.yolo_rows import as_yolo

        (self._folder / self._free.of(_numbered(sighting), ".txt")).write_text(as_yolo(sighting), encoding="utf-8")

    def close(self) -> None:
        """All are there already."""


class CropFolder:
    """What was found, cut out, in a folder for each class."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._names = folder, names
        self._free = FreeNames()

    def take(self, sighting: Sighting) -> None:
        """Save every detection that has pixels."""
        from PIL import Image

        for box, number in zip(sighting.found.boxes, sighting.found.classes.tolist(), strict=True):
            cut = _cut(sighting.picture, box)
            if cut.size:
                folder = self._folder / _as_file_name(self._names[number])
                folder.mkdir(exist_ok=True)
                name = self._free.of(f"{_numbered(sighting)}-{number}", ".jpg")
                Image.fromarray(np.ascontiguousarray(cut[..., ::-1])).save(folder / name, quality=92, subsampling=0)

    def close(self) -> None:
        """All are there already."""


def _numbered(sighting: Sighting) -> str:
    return sighting.stem if sighting.number is None else f"{sighting.stem}_{sighting.number:06d}"


def _cut(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    left, top = np.floor(box[:2]).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(box[2:]).astype(int), (width, height))
    return picture[top : max(bottom, top), left : max(right, left)]


def _as_file_name(name: str) -> str:
    """A class's name as a folder's: a model may call a class whatever it likes."""
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in name)[:100] or "_"
