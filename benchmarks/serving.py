"""What a server adds to a detector: frames a second and latencies, beside the detector's own in the same minute.

    python -m benchmarks.serving REF [--clients 16] [--requests 1000] [--registry URL]

The detector runs frames by itself, for one caller and for as many as there are clients, then a `zcc serve` process
answers the same frames, in turns. The clients are threads of this process on the same cores, so what they take is part
of what is told. Each rate stands beside the detector's own with as many callers. The last two columns are P99 in P99s
of the lone client, and the least that it can be: clients of whom each waits for its answer share the frames that the
detector does in a second, so they wait for their number of them on average, however fair the turns.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benchmarks.arguments import run
from zcc.runtime import Detector
from zcc.runtime.feeds.pictures import read_picture
from zcc.runtime.frame import Pixels
from zcc.sample import IMAGES

WARM_UP = 10  # frames
HEAD = "Inference-Header-Content-Length"


class Request(NamedTuple):
    """What is sent again and again."""

    path: str
    body: bytes
    headers: dict[str, str]


class Told(NamedTuple):
    """What so many requests took."""

    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Of frames a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return 1e3 * float(np.percentile(self.latencies, share))


Kind = tuple[str, int]  # of requests, and how many clients
Found = Mapping[Kind, Told]
OWN = "detector by itself"


@contextmanager
def serving(reference: str, options: Sequence[str]) -> Iterator[str]:
    """A server of its own process, and where it listens."""
    command = [sys.executable, "-m", "zcc", "serve", reference, "--only", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().split()[0]
        try:
            yield urlsplit(address).netloc
        finally:
            process.terminate()


def raw(name: str, frame: Pixels) -> Request:
    """The frame's pixels as KServe's protocol has them."""
    given: dict[str, Any] = {"name": "frame", "datatype": "UINT8", "shape": list(frame.shape)}
    given["parameters"] = {"binary_data_size": frame.nbytes}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    return Request(f"/v2/models/{name}/infer", head + frame.tobytes(), {HEAD: str(len(head))})


def ask(place: str, request: Request, count: int) -> list[float]:
    """One client's requests, one after another on one connection: the seconds of each."""
    connection, taken = http.client.HTTPConnection(place), []
    for _ in range(count):
        begin = time.perf_counter()
        connection.request("POST", request.path, request.body, request.headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begin)
        assert answer.status == 200, answer.status
    connection.close()
    return taken


def together(place: str, request: Request, clients: int, count: int) -> Told:
    """Many clients at once."""
    with ThreadPoolExecutor(clients) as pool:
        begin = time.perf_counter()
        parts = list(pool.map(ask, repeat(place, clients), repeat(request), repeat(count // clients)))
        return Told(time.perf_counter() - begin, [each for part in parts for each in part])


def alone(detect: Callable[[], object], callers: int, count: int) -> Told:
    """The detector by itself."""

    def call(_: int) -> list[float]:
        taken = []
        for _ in range(count // callers):
            start = time.perf_counter()
            detect()
            taken.append(time.perf_counter() - start)
        return taken

    with ThreadPoolExecutor(callers) as pool:
        begin = time.perf_counter()
        parts = list(pool.map(call, range(callers)))
        return Told(time.perf_counter() - begin, [each for part in parts for each in part])


def merged(parts: Sequence[Told]) -> Told:
    """Several turns as one."""
    return Told(sum(each.seconds for each in parts), [one for each in parts for one in each.latencies])


def measure(detect: Callable[[], object], place: str, requests: Mapping[str, Request], given: Any) -> Found:
    """The detector by itself, then every kind of request of one client and of many, in turns."""
    found: defaultdict[Kind, list[Told]] = defaultdict(list)
    count = given.requests // given.turns
    for request in requests.values():
        ask(place, request, WARM_UP)
    for _ in range(given.turns):
        for callers in (1, given.clients):
            alone(detect, callers, WARM_UP * callers)
            found[OWN, callers].append(alone(detect, callers, count))
        for name, request in requests.items():
            for clients in (1, given.clients):
                found[name, clients].append(together(place, request, clients, count))
    return {kind: merged(parts) for kind, parts in found.items()}


def table(found: Found) -> Iterator[str]:
    """The rows that are printed."""
    heads = "frames/s", "of own", "P50 ms", "P99 ms", "P99s", "least"
    yield f"{'':<34}" + "".join(f"{head:>9}" for head in heads)
    quickest = max(told.rate for (name, _), told in found.items() if name == OWN)
    for (name, clients), told in found.items():
        lone = found[name, 1].percentile(99)
        share = told.rate / found[OWN, clients].rate
        figures = f"{told.rate:9.1f}{share:9.1%}{told.percentile(50):9.2f}{told.percentile(99):9.2f}"
        queue = f"{told.percentile(99) / lone:9.2f}{1e3 * clients / quickest / lone:9.2f}" if clients > 1 else ""
        yield f"{name + (f', {clients} clients' if clients > 1 else ''):<34}{figures}{queue}"


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("--registry")
    parser.add_argument("--dtype")
    parser.add_argument("--picture", type=Path, default=IMAGES[0])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    wishes = {name: value for name in ("registry", "dtype") if (value := getattr(given, name))}
    detector = Detector.load(given.reference, **wishes)
    frame = read_picture(given.picture, detector.manifest.input.color)
    requests = {
        "raw frames": raw(detector.manifest.name, frame),
        given.picture.suffix.lstrip("."): Request("/detect", given.picture.read_bytes(), {}),
    }
    with serving(given.reference, [text for name, value in wishes.items() for text in (f"--{name}", value)]) as place:
        found = measure(lambda: detector(frame), place, requests, given)
    size = f"frames of {frame.shape[1]}x{frame.shape[0]}"
    print(f"{detector.manifest.name} {detector.manifest.dtype}, {size}, {given.turns} turns, {given.requests} requests")
    print("\n".join(table(found)))


if __name__ == "__main__":
    run(main)
