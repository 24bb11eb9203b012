"""How much a server takes from whom, each bound with its reason."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Bounds of a server."""

    most_bytes: int = 32 * MB  # of a request: a raw frame of 4096 x 2160 has 26 MB
    most_buffered: int = 512 * MB  # of all requests that are being received, together
    most_pixels: int = 40_000_000  # of a picture, before it is decoded: small files can hold large ones
    most_waiting: int = 7  # frames that are decoded while they wait for their turn
    most_connections: int = 512
    head_seconds: float = 10.0  # until a request's head is there
    seconds: float = 30.0  # for a whole request, its answer included
    conf: float = 0.25
    iou: float = 0.45
