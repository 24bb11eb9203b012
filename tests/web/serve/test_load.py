"""A thousand requests of sixteen clients at once: all are answered rightly, and the server is as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.web.serve.running import gauge, told
from tests.web.serve.test_detect import same
from zcc.runtime.host import THREADS_VARIABLE
from zcc.web.serve.offer import Offer

CLIENTS, REQUESTS = 16, 1000
ROOM = 48e6  # bytes that Python's allocator may keep of sixteen requests


@pytest.fixture
def server(pair: Path) -> Iterator[tuple[psutil.Process, str]]:
    """`zcc serve` in a process of its own, on one thread: frames of 64x64 are not worth sharing out."""
    command = [sys.executable, "-m", "zcc", "serve", "tiny", "--port", "0", "--registry", str(pair)]
    environment = {**os.environ, THREADS_VARIABLE: "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        yield psutil.Process(process.pid), process.stdout.readline().split()[0]
        process.terminate()


def test_all_are_right_and_nothing_leaks(
    server: tuple[psutil.Process, str], offer: Offer, frame: NDArray[np.uint8], picture: bytes
) -> None:
    process, address = server
    expected = {key: offer.variants[key].run(frame, 0.25, 0.45) for key in ("int8", "fp32")}

    def ask(number: int) -> bool:
        key = ("int8", "fp32")[number % 2]
        status, document = told(address, f"/detect?variant={key}", picture)
        return status == 200 and same(document, expected[key])

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert all(list(clients.map(ask, range(4 * CLIENTS))))
        memory, files = process.memory_info().rss, process.num_fds()
        assert all(list(clients.map(ask, range(REQUESTS))))
    assert process.num_fds() <= files + CLIENTS
    assert process.memory_info().rss - memory < ROOM
    assert gauge(address, "zcc_received_bytes") == 0
    ran = sum(gauge(address, f'zcc_frame_seconds_count{{dtype="{key}"}}') for key in expected)
    assert ran == REQUESTS + 4 * CLIENTS
