"""Clients that are slow, send too much or too little, or go away: no hang, no leak, and right answers for others."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator

import pytest

from tests.web.serve.running import asked, connected, gauge, head, rest, running, told
from zcc.web.serve.offer import Offer
from zcc.web.serve.settings import Settings

HELD = "zcc_received_bytes"
STRICT = Settings(most_bytes=100_000, most_buffered=150_000, most_pixels=1_000_000, head_seconds=0.5, seconds=1.5)


@pytest.fixture(scope="module")
def strict(offer: Offer) -> Iterator[str]:
    """A server with little patience."""
    with running(offer, STRICT) as address:
        yield address


def test_a_head_that_never_ends_is_cut_off(strict: str) -> None:
    with connected(strict) as slow:
        slow.sendall(b"POST /detect HTTP/1.1\r\nHost: loc")
        assert asked(strict, "/healthz")[0] == 200, "others are answered meanwhile"
        assert rest(slow) == b""


def test_a_connection_that_says_nothing_is_cut_off(strict: str) -> None:
    with connected(strict) as silent:
        assert rest(silent) == b""


def test_a_second_head_that_never_ends_is_cut_off(strict: str) -> None:
    with connected(strict) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /")
        assert rest(slow).count(b"HTTP/1.1") == 1


def test_a_body_that_never_ends_is_given_up(strict: str, picture: bytes) -> None:
    with connected(strict) as slow:
        slow.sendall(head("/detect", len(picture)) + picture[:100])
        assert rest(slow).startswith(b"HTTP/1.1 408 ")
    assert gauge(strict, HELD) == 0


def test_too_much_is_refused_before_it_is_taken(strict: str) -> None:
    with connected(strict) as announced:
        announced.sendall(head("/detect", 1 << 40))
        assert announced.recv(12) == b"HTTP/1.1 413"
    with connected(strict) as unannounced:
        unannounced.sendall(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        unannounced.sendall(b"20000\r\n" + bytes(0x20000) + b"\r\n")
        assert unannounced.recv(12) == b"HTTP/1.1 413"
    assert gauge(strict, HELD) == 0


def test_many_bodies_together_are_bounded_as_well(strict: str) -> None:
    with connected(strict) as first, connected(strict) as second:
        for each in (first, second):
            each.sendall(head("/detect", 90_000) + bytes(89_000))
        assert b"503" in (first.recv(12) + second.recv(12))
    assert asked(strict, "/healthz")[0] == 200


def test_an_upload_that_breaks_off_leaves_nothing(strict: str, picture: bytes) -> None:
    for _ in range(20):
        with connected(strict) as broken:
            broken.sendall(head("/detect", len(picture)) + picture[: len(picture) // 2])
    while gauge(strict, HELD):
        continue
    assert told(strict, "/detect", picture)[0] == 200


def bomb(side: int) -> bytes:
    """A PNG of a few thousand bytes that says it has side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pixels = zlib.compressobj(9)
    packed = b"".join(pixels.compress(bytes(3 * side + 1)) for _ in range(side // 10)) + pixels.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_a_small_file_with_a_huge_picture_is_not_decoded(strict: str) -> None:
    small = bomb(8_000)
    assert len(small) < STRICT.most_bytes
    status, document = told(strict, "/detect", small)
    assert status == 413 and "8000x8000" in document["error"]


def test_a_frame_nobody_waits_for_is_not_run(offer: Offer, picture: bytes) -> None:
    # Every place is taken, so those who go away do so while they wait.
    gate = threading.Event()
    with running(offer, Settings()) as address:
        for _ in range(offer.abreast):
            offer._turns.submit(gate.wait)
        while offer._turns._work_queue.qsize():
            continue
        before = offer._turns._work_queue.qsize()
        for _ in range(4):
            with connected(address) as leaving:
                leaving.sendall(head("/detect", len(picture)) + picture)
                while offer._turns._work_queue.qsize() == before:
                    continue
            while gauge(address, HELD):
                continue
            before = offer._turns._work_queue.qsize()
        gate.set()
        assert told(address, "/detect", picture)[0] == 200
        ran = gauge(address, 'zcc_frame_seconds_count{dtype="int8"}')
        gone = gauge(address, 'zcc_requests_total{route="/detect",status="499"}')
    assert (ran, gone) == (1, 4)
