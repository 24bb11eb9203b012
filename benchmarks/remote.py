"""Pushing to and pulling from an OCI registry on loopback, with TLS and a login: python -m benchmarks.remote

The server is Debian's docker-registry, started here and stopped at the end; what the disk does in the same time is
measured beside it, since the server and the registry flush what they store.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.oci import server as oci_server
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.remotes.pull import pull
from zcc.registry.remotes.push import push
from zcc.runtime.remotes.address import parse

MB = 1e6


def main() -> int:
    """Push and pull artifacts of a size, several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="of each artifact's weights")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if reason := oci_server.lacking():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, oci_server.running(Path(folder)) as server:
        _measure(server, Path(folder) / "work", arguments.megabytes, arguments.rounds)
    return 0


def _measure(server: oci_server.OciServer, work: Path, megabytes: int, rounds: int) -> None:
    server.log_in(work / "docker")
    os.environ.update(DOCKER_CONFIG=str(work / "docker"), SSL_CERT_FILE=str(server.certificate))
    os.environ.update(ZCC_CACHE=str(work / "cache"), HOME=str(work))
    took: dict[str, list[float]] = {"copied with fsync": [], "pushed": [], "pulled": [], "pulled again": []}
    moved = 0
    for number in range(rounds):
        registry = Registry.open(work / "ours")
        mine = registry.publish(*artifact(work / "a", seed=number, size=megabytes * 1_000_000))
        address = parse(f"oci://{server.host}/speed/a{number}:v1")
        theirs = Registry.open(work / f"theirs-{number}")
        weights = mine.folder / "weights.bin"
        took["copied with fsync"].append(_seconds(lambda: _copy(weights, work / "copy")))  # noqa: B023
        took["pushed"].append(_seconds(lambda: push(registry, [mine], address)))  # noqa: B023
        took["pulled"].append(_seconds(lambda: pull(theirs, address)))  # noqa: B023
        took["pulled again"].append(_seconds(lambda: pull(theirs, address)))  # noqa: B023
        moved += pull(theirs, address).moved
    size = sum(entry.size for entry in mine.manifest.files)
    for what, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{what:<20} {median:7.3f} s  {size / median / MB:7.0f} MB/s  ({size / MB:.0f} MB, {rounds} rounds)")
    print(f"moved when everything is here: {moved} bytes")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(1 << 20):
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())


if __name__ == "__main__":
    sys.exit(main())
