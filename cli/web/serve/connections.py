"""HTTP connections that do not wait for ever for a request's head: uvicorn has a bound between requests alone."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from zcc.web.serve.settings import Settings


def patient_for(settings: Settings) -> type[H11Protocol]:
    """A protocol that closes connections whose request's head does not come in time."""

    class Patient(H11Protocol):
        """The same, with a clock that runs while a head is under way."""

        _clock: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            """Begin to wait."""
            super().connection_made(transport)
            # asyncio does so for sockets alone whose protocol was named when they were made. Without it an answer's
            # body waits for the client to acknowledge its head, which takes clients 40 ms.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wait()

        def data_received(self, data: bytes) -> None:
            """Wait on, unless a request is there to be answered."""
            super().data_received(data)
            if self._answering:
                self._stop()
            elif self._clock is None:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            """Wait no more."""
            self._stop()
            super().connection_lost(exc)

        @property
        def _answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            self._clock = self.loop.call_later(settings.head_seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

    return Patient
