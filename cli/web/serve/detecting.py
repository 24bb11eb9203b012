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
        self._room = asyncio.Semaphore(offer.abreast + settings.most_waiting)

    async def run(self, request: Request, decode: Callable[[], Pixels], asked: dict[str, Any]) -> Answer:
        """The answer to a frame; ClientDisconnect when nobody waits for it any more.

        A frame that has to wait is decoded meanwhile, any other by the thread that runs it.
        """
        conf = threshold("conf", asked.get("conf", self._settings.conf))
        iou = threshold("iou", asked.get("iou", self._settings.iou))
        async with self._room:
            if not self.offer.has_room:
                frame = await anyio.to_thread.run_sync(decode)
                decode = lambda: frame  # noqa: E731
            running = self.offer.submit(asked.get("variant"), decode, conf, iou)
            answer = await self._answered(request, asyncio.wrap_future(running))
        self._metrics.ran(answer.manifest.dtype, answer.milliseconds / 1e3, len(answer.found))
        return answer

    async def _answered(self, request: Request, running: asyncio.Future[Answer]) -> Answer:
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
