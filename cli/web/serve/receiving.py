"""Bodies of requests, received within bounds, and the pictures in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from io import BytesIO

from starlette.requests import Request

from zcc.runtime.errors import FrameError
from zcc.runtime.feeds.pictures import FORMATS, PILLOW_FORMATS, decode_picture
from zcc.runtime.frame import Pixels
from zcc.web.serve.refusals import Refusal
from zcc.web.serve.settings import MB, Settings


class Receiving:
    """Receives bodies; all that are under way hold no more memory than the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = 0

    @property
    def bytes_held(self) -> int:
        """Bytes that are held now."""
        return self._held

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytearray]:
        """The body of a request; its memory counts until the block ends."""
        most, body = self._settings.most_bytes, bytearray()
        too_large = Refusal(413, f"the request has more than {most / MB:.0f} MB; send a smaller frame")
        claimed = request.headers.get("content-length", "0")
        if not claimed.isdigit() or int(claimed) > most:
            raise too_large
        try:
            async for chunk in request.stream():
                if len(body) + len(chunk) > most:
                    raise too_large
                if self._held + len(chunk) > self._settings.most_buffered:
                    raise Refusal(503, "too many requests are being received; try again in a moment")
                body += chunk
                self._held += len(chunk)
            yield body
        finally:
            self._held -= len(body)


def decoded(body: bytes | bytearray, color: str, most_pixels: int) -> Pixels:
    """The picture in a body as uint8 (H, W, 3), its size looked at before it is decoded."""
    image = import_module("PIL.Image")
    # What Pillow raises on damaged files depends on the format's plugin.
    damage = (OSError, SyntaxError, ValueError, image.DecompressionBombError)
    try:
        with image.open(BytesIO(body), formats=PILLOW_FORMATS) as opened:
            width, height = opened.size
    except damage as error:
        raise Refusal(415, f"the body is no picture that can be read; {FORMATS}") from error
    if width * height > most_pixels:
        raise Refusal(413, f"a picture of {width}x{height} is too large; scale it down")
    try:
        return decode_picture(bytes(body), "the body", color)
    except FrameError as error:
        raise Refusal(415, str(error)) from error
