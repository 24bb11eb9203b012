"""What a stream can be made of, and who reads it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from zcc.runtime.errors import InputError, UsageError
from zcc.runtime.feeds.pictures import folder, is_picture, pictures, read_picture
from zcc.runtime.feeds.shot import Feed, Shot
from zcc.runtime.feeds.video import camera, pipeline, video

VIDEO4LINUX = 81  # the number of its devices, as the kernel's list of devices has it


class FeedKind(NamedTuple):
    """A kind of source: how it is known, and what reads it, given the order of channels that the detector takes."""

    fits: Callable[[Any], bool]
    read: Callable[[Any, str], Feed]


def open_feed(source: Any, color: str) -> Feed:
    """The frames of a source, read as they are asked for; those of files and cameras are in `color`."""
    for kind in KINDS:
        if kind.fits(source):
            return kind.read(source, color)
    raise UsageError(
        f"a {type(source).__name__} is no source of frames",
        "give a folder, a picture, a video, a camera's number, a GStreamer pipeline or anything that yields frames",
    )


def _is_text(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _contains(mark: str) -> Callable[[Any], bool]:
    return lambda source: isinstance(source, str) and mark in source


def _read_path(source: str | os.PathLike[str], color: str) -> Feed:
    if not os.fspath(source):
        raise InputError("an empty word is no source of frames", "write . for this folder")
    path = Path(source)
    if path.is_dir():
        return folder(path, color)
    if not path.exists():
        raise InputError(f"there is no {path}", "check the path")
    if path.is_file():
        return pictures([path], color) if is_picture(path) else video(path, color)
    # Any other device may never end, and a FIFO never begin; a camera gives its bytes to those who open it as one.
    if not _is_camera(path):
        raise InputError(f"{path} is neither a file nor a camera", "give a file, a folder, or a camera as /dev/video0")
    return video(path, color)


def _is_camera(path: Path) -> bool:
    state = path.stat()
    return stat.S_ISCHR(state.st_mode) and os.major(state.st_rdev) == VIDEO4LINUX


def _read_items(source: Iterable[Any], color: str) -> Feed:
    """What an iterator yields: frames as they are, and the paths of pictures."""
    for item in source:
        if _is_text(item):
            yield Shot(read_picture(Path(item), color), os.fspath(item))
        else:
            yield Shot(item, "")


# The first that fits reads it.
KINDS = (
    FeedKind(lambda source: isinstance(source, int), camera),
    FeedKind(_contains("!"), pipeline),
    FeedKind(_contains("://"), video),
    FeedKind(_is_text, _read_path),
    FeedKind(lambda source: isinstance(source, Iterable), _read_items),
)
