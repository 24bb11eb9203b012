"""What `zcc run` can be told to look at, and how each kind becomes pictures or a film."""

from __future__ import annotations

import glob
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from zcc.runtime import limits
from zcc.runtime.errors import InputError
from zcc.runtime.regular import told

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STANDARD_INPUT = "-"
WILD = re.compile(r"[*?\[]")
CAMERA = re.compile(r"(?:camera:?)?(\d{0,4})")
WEB = ("http", "https")
PATIENCE = 20  # seconds that a server may say nothing


@dataclass(frozen=True)
class Picture:
    """One picture that is still to be read."""

    name: str  # what errors and results call it
    stem: str  # of the names of files that are made of it
    read: Callable[[str], NDArray[np.uint8]]  # given the order of the channels


@dataclass(frozen=True)
class Film:
    """Frames that follow each other: a video, a camera, a network stream."""

    name: str
    stem: str
    source: Any  # as `Detector.stream` takes it
    live: bool = False  # whether it goes on without us, so that late frames are dropped
    held: Any = None  # what must not go away while it is looked at


class InputKind(NamedTuple):
    """A kind of word on the command line: how it is known, and what it stands for."""

    fits: Callable[[str], bool]
    means: Callable[[str], Iterator[Picture | Film]]


def meant_by(word: str) -> Iterator[Picture | Film]:
    """What a word stands for; an InputError where there is no such thing."""
    if not word:
        raise InputError("an empty word names nothing to look at", "write . for this folder")
    return next(kind.means(word) for kind in KINDS if kind.fits(word))


def _standard_input(_: str) -> Iterator[Picture | Film]:
    """A picture, or a video, which is kept in a file of its own while it is looked at."""
    from zcc.runtime.feeds.pictures import decode_picture, looks_like_picture

    content = sys.stdin.buffer.read(limits.PICTURE + 1)
    if not content:
        raise InputError("nothing came through standard input", "cat PICTURE | zcc run REF -")
    if len(content) > limits.PICTURE:
        raise InputError(f"more than {told(limits.PICTURE)} came through standard input", "name the file instead")
    if looks_like_picture(content[:12]):
        yield Picture("standard input", "stdin", partial(decode_picture, content, "standard input"))
        return
    kept = tempfile.NamedTemporaryFile(prefix="zcc-", suffix=".video")  # noqa: SIM115 - gone with the film
    kept.write(content)
    kept.flush()
    yield Film("standard input", "stdin", kept.name, held=kept)


def _camera(word: str) -> Iterator[Film]:
    found = CAMERA.fullmatch(word)
    number = int(found[1] or 0) if found else 0
    yield Film(f"camera {number}", f"camera{number}", number, live=True)


def _pipeline(word: str) -> Iterator[Film]:
    yield Film(word, "pipeline", word, live=True)


def _address(word: str) -> Iterator[Picture | Film]:
    """A picture on a web server; whatever else has an address is a video."""
    from zcc.runtime.feeds.pictures import SUFFIXES, decode_picture

    parts = urlsplit(word)
    path = PurePosixPath(parts.path)
    stem = path.stem or parts.hostname or "stream"
    if parts.scheme not in WEB:
        yield Film(word, stem, word, live=True)
    elif path.suffix.lower() in SUFFIXES or _serves_picture(word):
        yield Picture(word, stem, lambda color: decode_picture(_fetched(word), word, color))
    else:
        yield Film(word, stem, word)


def _serves_picture(address: str) -> bool:
    with _opened(address) as answer:
        return str(answer.headers.get_content_type()).startswith("image/")


def _fetched(address: str) -> bytes:
    with _opened(address) as answer:
        content: bytes = answer.read(limits.PICTURE + 1)
    if len(content) > limits.PICTURE:
        raise InputError(f"{address} has more than {told(limits.PICTURE)}", "fetch a smaller picture")
    return content


def _opened(address: str) -> Any:
    """What a server answers; an InputError where it does not."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    try:
        return urlopen(Request(address, headers={"User-Agent": "zcc"}), timeout=PATIENCE)
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f"{address} cannot be fetched ({error})", "check the address") from error


def _matches(pattern: str) -> Iterator[Picture | Film]:
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may begin anywhere
    if not found:
        raise InputError(f"nothing is called {pattern}", "check the pattern; ** stands for folders within folders")
    for path in found:
        yield from _path(path)


def _path(word: str) -> Iterator[Picture | Film]:
    from zcc.runtime.feeds.pictures import is_picture, pictures_in

    path = Path(word)
    if path.is_dir():
        yield from map(_picture, pictures_in(path))
    elif path.exists() and not path.is_file():
        yield Film(word, path.name, word, live=True)  # a device; the feed says what it is not
    elif is_picture(path):
        yield _picture(path)
    else:
        yield Film(word, path.stem, word)


def _picture(path: Path) -> Picture:
    from zcc.runtime.feeds.pictures import read_picture

    return Picture(str(path), path.stem, partial(read_picture, path))


# The first that fits says what a word means; what exists as a file is that file.
KINDS: Sequence[InputKind] = (
    InputKind(lambda word: word == STANDARD_INPUT, _standard_input),
    InputKind(lambda word: Path(word).exists(), _path),
    InputKind(lambda word: "!" in word, _pipeline),
    InputKind(lambda word: "://" in word, _address),
    InputKind(lambda word: bool(word) and CAMERA.fullmatch(word) is not None, _camera),
    InputKind(lambda word: WILD.search(word) is not None, _matches),
    InputKind(lambda _: True, _path),
)
