"""How many threads share a frame, and how many frames run side by side: what is tried, and which of it is best."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from zcc.compiler.benching import probes
from zcc.compiler.racing.contestant import Pixels
from zcc.runtime import host
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import Manifest
from zcc.runtime.obstacles import obstacle
from zcc.runtime.side_by_side import check_streams

ON_A_CARD = ((1, 1), (1, 2), (1, 4))  # threads and callers: frames of several overlap there
GLANCE = 0.3  # seconds of runs for each cell of a quick look

Cell = tuple[int, int]  # threads of a frame, and streams


def surface(folder: Path, frames: Sequence[Pixels], cells: Sequence[Cell], seconds: float) -> list[dict[str, Any]]:
    """What a frame takes, and how many are done in a second, in each cell."""
    return [
        {
            "threads": threads,
            "streams": streams,
            **probes.apart(threads * streams, probes.side_by_side, folder, frames, streams, seconds),
        }
        for threads, streams in cells
    ]


def best_sharing(cells: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Threads of a frame and streams that are best where a frame is to be done soon, and where many are to be done."""
    quickest = min((cell for cell in cells if cell["streams"] == 1), key=lambda cell: cell["median"], default=None)
    most = max(cells, key=lambda cell: cell["fps"])
    return {
        purpose: {"threads": cell["threads"], "streams": cell["streams"]}
        for purpose, cell in (("latency", quickest), ("throughput", most))
        if cell is not None
    }


def cells_for(manifest: Manifest, streams: Collection[int] = ()) -> Sequence[Cell]:
    """What a bench of an artifact looks at, with these numbers of streams or all; refused where it cannot have them."""
    if manifest.executor != "cpu":
        if streams:
            raise UsageError(f"streams share cores, {manifest.name} {manifest.dtype} runs on a card", "leave them out")
        return ON_A_CARD
    for number in streams:
        check_streams(number)
    return sharings(host.worker_threads(), streams)


def sharings(most: int, streams: Collection[int] = ()) -> list[Cell]:
    """Threads of a frame, and frames side by side: each one, two, four, … up to all threads that there are.

    Streams may be named instead.
    """
    counts = [count for count in (2**power for power in range(most.bit_length())) if count < most] + [most]
    return [(threads, side) for threads in counts for side in sorted(streams or counts) if threads * side <= most]


def few_sharings(most: int) -> list[Cell]:
    """The cells of which the best are usually some: a frame on all cores or half of them, and all cores in streams."""
    streams = sorted({count for count in (1, 4, 8, most) if count <= most})
    return [(most // 2, 1), *((most // count, count) for count in streams)]


def glance(folder: Path, frames: Sequence[Pixels]) -> dict[str, Any] | None:
    """What is best on this machine by a quick look; None where the artifact does not run on its processors."""
    manifest = Manifest.read(folder)
    if manifest.executor != "cpu" or obstacle(manifest) is not None:
        return None
    cells = surface(folder, frames, few_sharings(host.worker_threads()), GLANCE)
    return {"surface": cells, "best": best_sharing(cells)}
