"""What every detector has in common that runs the frames of a source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from zcc.runtime.feeds.table import open_feed
from zcc.runtime.manifest import Manifest
from zcc.runtime.stream import Stream
from zcc.runtime.thresholds import threshold
from zcc.runtime.underway import Underway
from zcc.runtime.variant import Detections


class Streaming(ABC):
    """A detector; frames are handed to it one by one, or come from a stream."""

    @property
    @abstractmethod
    def manifest(self) -> Manifest:
        """What runs now."""

    @abstractmethod
    def __call__(self, frame: Any, conf: float = 0.25, iou: float = 0.45, format: str | None = None) -> Detections:
        """The detections in a frame."""

    def _submitting(self) -> Callable[..., Underway] | None:
        """What puts a frame on its way beside others; None where that gains nothing."""
        return None

    def stream(
        self,
        source: Any,
        mode: str = "every",
        queue: int | None = None,
        conf: float = 0.25,
        iou: float = 0.45,
        format: str | None = None,
    ) -> Stream:
        """The frames of a source, to be gone through once, each with what is found in it.

        A source is a folder, a picture, a video, a camera's number or device, a URL, a GStreamer pipeline, or anything
        that yields frames or paths of pictures. At most `queue` frames are read ahead. When the source is faster, it
        waits in the mode `every`, and a card has the next frame already while the last one is looked at; in `newest`
        the older frames are dropped. `format` is that of the frames it yields.
        """
        feed = open_feed(source, self.manifest.input.color)
        how: dict[str, Any] = {"conf": threshold("conf", conf), "iou": threshold("iou", iou), "format": format}
        submit = self._submitting()
        return Stream(partial(self, **how), feed, mode, queue, submit=submit and partial(submit, **how))
