"""Pushing to and pulling from an OCI registry on loopback, with TLS and a login: python -m benchmarks.remote

The server is Debian's docker-registry, started here and stopped at the end; what the disk does in the same time is
measured beside it, since the server and the registry flush what they store. The last column is what the server's own
processor time alone would allow: one upload is decrypted, hashed and stored by one thread of it, so four variants of a
name come in on four of its cores.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from tests.oci import server as oci_server
from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry
from zcc.registry.remotes.pull import pull
from zcc.registry.remotes.push import push
from zcc.runtime.remotes.address import parse

MB = 1e6
DTYPES = ("fp32", "fp16", "bf16", "int8")  # of which each has a quarter of the bytes


def main() -> int:
    """Push and pull artifacts of a size, several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="of each artifact's weights")
    parser.add_argument("--rounds", type=int, default=3)
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
    took: dict[str, list[Took]] = {}
    for number in range(rounds):
        registry = Registry.open(work / "ours")
        mine = registry.publish(*artifact(work / "a", seed=number, size=megabytes * 1_000_000))
        quarters = [
            registry.publish(*artifact(work / dtype, "four", dtype=dtype, seed=number, size=megabytes * 250_000))
            for dtype in DTYPES
        ]
        for what, seconds in _round(server, registry, mine, quarters, work / f"theirs-{number}", number).items():
            took.setdefault(what, []).append(seconds)
    size = sum(entry.size for entry in mine.manifest.files)
    print(f"{'':<35} {f'{size / MB:.0f} MB, {rounds} rounds':>24}  {'its server allows':>20}")
    for what, every in took.items():
        wall, server_alone = (statistics.median(times) for times in zip(*every, strict=True))
        allowed = f"{size / server_alone / MB:15.0f} MB/s" if server_alone > LEAST else ""
        print(f"{what:<35} {wall:9.3f} s {size / wall / MB:7.0f} MB/s {allowed}")


class Took(NamedTuple):
    """Seconds on the wall, and of the server's processor time."""

    wall: float
    server: float


LEAST = 0.05  # seconds of the server below which they say nothing of how quick it could be


def _round(
    server: oci_server.OciServer,
    registry: Registry,
    mine: Artifact,
    quarters: Sequence[Artifact],
    theirs: Path,
    number: int,
) -> dict[str, Took]:
    """Everything once, in turns."""
    address = parse(f"oci://{server.host}/speed/a{number}:v1")
    several = parse(f"oci://{server.host}/speed/quarters{number}:v1")
    weights = mine.folder / "weights.bin"
    digest = next(f"sha256:{each.sha256}" for each in mine.manifest.files if each.path == "weights.bin")
    bare = _Bare(server, f"speed/bare{number}")
    seconds = partial(_seconds, psutil.Process(server.process))
    return {
        "copied with fsync": seconds(lambda: _copy(weights, theirs.with_suffix(".copy"))),
        "sent by a client that does no more": seconds(lambda: bare.send(weights, digest)),
        "pushed": seconds(lambda: push(registry, [mine], address)),
        "pushed as four variants": seconds(lambda: push(registry, quarters, several)),
        "fetched by such a client": seconds(lambda: bare.fetch(digest)),
        "fetched by it into a flushed file": seconds(lambda: bare.fetch(digest, theirs.with_suffix(".bare"))),
        "pulled": seconds(lambda: pull(Registry.open(theirs), address)),
        "pulled as four variants": seconds(lambda: pull(Registry.open(theirs), several)),
        "pulled when all of it is here": seconds(lambda: pull(Registry.open(theirs), address)),
    }


class _Bare:
    """What the server and the wire can do: one request for a blob, and nothing is hashed or kept here."""

    def __init__(self, server: oci_server.OciServer, repository: str) -> None:
        context = ssl.create_default_context(cafile=str(server.certificate))
        self._wire = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, blocksize=1 << 20)
        login = base64.b64encode(f"{oci_server.USER}:{oci_server.PASSWORD}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._blobs = f"/v2/{repository}/blobs/"

    def send(self, path: Path, digest: str) -> None:
        """Upload a file in one piece."""
        self._wire.request("POST", f"{self._blobs}uploads/", headers={**self._headers, "Content-Length": "0"})
        answer = self._wire.getresponse()
        place = urlsplit(answer.headers["Location"])
        answer.read()
        headers = {**self._headers, "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as file:
            self._wire.request("PUT", f"{place.path}?{place.query}&digest={digest}", file, headers)
        answer = self._wire.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()

    def fetch(self, digest: str, into: Path = Path(os.devnull)) -> None:
        """Read a blob, and throw it away or keep it on the disk."""
        self._wire.request("GET", f"{self._blobs}{digest}", headers=self._headers)
        answer, room = self._wire.getresponse(), memoryview(bytearray(1 << 20))
        assert answer.status == 200
        with into.open("wb", buffering=0) as file:
            while count := answer.readinto(room):
                file.write(room[:count])
            if into != Path(os.devnull):
                os.fsync(file.fileno())


def _seconds(server: psutil.Process, work: Callable[[], object]) -> Took:
    before, start = sum(server.cpu_times()[:2]), time.perf_counter()
    work()
    return Took(time.perf_counter() - start, sum(server.cpu_times()[:2]) - before)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(1 << 20):
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())


if __name__ == "__main__":
    sys.exit(main())
