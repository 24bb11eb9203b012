"""A frame of a request: decoded, run when its turn comes, and given up when its client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request

from zcc.runtime.frame import Pixels
from zcc.runtime.thresholds import threshold
from zcc.web.serve.metrics import Metrics
from zcc.web.serve.offer import Answer, Offer
from zcc.web.serve.settings import Settings


class Detecting:
    """Runs what requests bring."""

    def __init__(self, offer: Offer, settings: Settings, metrics: Metrics) -> None:
        self.offer, self._settings, self._metrics = offer, settings, metrics
        self._room = asyncio.Semaphore(settings.most_frames)

    async def run(self, request: Request, decode: Callable[[], Pixels], asked: dict[str, Any]) -> tuple[Answer, Pixels]:
        """The answer to a frame, and the frame; ClientDisconnect when nobody waits for it any more."""
        conf = threshold("conf", asked.get("conf", self._settings.conf))
        iou = threshold("iou", asked.get("iou", self._settings.iou))
        async with self._room:
            frame = await anyio.to_thread.run_sync(decode)
            answer = await self._answered(request, asked.get("variant"), frame, conf, iou)
        self._metrics.ran(answer.manifest.dtype, answer.milliseconds / 1e3, len(answer.found))
        return answer, frame

    async def _answered(self, request: Request, key: str | None, frame: Pixels, conf: float, iou: float) -> Answer:
        running = asyncio.wrap_future(self.offer.submit(key, frame, conf, iou))
        gone = asyncio.ensure_future(_gone(request))
        try:
            either: set[asyncio.Future[Any]] = {running, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise ClientDisconnect
            return running.result()
        finally:
            gone.cancel()
            running.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
