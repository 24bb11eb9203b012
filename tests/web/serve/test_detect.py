"""`POST /detect` and what stands beside it answer as the detector does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.web.serve.running import asked, gauge, told
from zcc.runtime import Detections
from zcc.web.serve.offer import Offer

Pixels = NDArray[np.uint8]


def same(document: dict[str, Any], found: Detections) -> bool:
    """Whether an answer tells just these detections."""
    rows = document["detections"]
    return (
        [row["box"] for row in rows] == found.boxes.tolist()
        and [row["score"] for row in rows] == found.scores.tolist()
        and [row["class"] for row in rows] == found.classes.tolist()
    )


@pytest.mark.parametrize(("query", "dtype", "conf"), [("", "int8", 0.25), ("?variant=fp32&conf=0.4", "fp32", 0.4)])
def test_detections_are_those_of_the_variant(
    address: str, offer: Offer, frame: Pixels, picture: bytes, query: str, dtype: str, conf: float
) -> None:
    status, document = told(address, f"/detect{query}", picture)
    expected = offer.variants[dtype].run(frame, conf, 0.45)
    assert status == 200 and len(expected)
    assert (document["dtype"], document["frame"], document["edges"]) == (dtype, [96, 128], expected.edges)
    assert same(document, expected)
    names = offer.manifest.classes
    assert {row["name"] for row in document["detections"]} == {names[number] for number in expected.classes}


def test_what_changes_with_the_scene_says_what_ran(address: str, offer: Offer, picture: bytes) -> None:
    ran = [told(address, "/detect?variant=adaptive", picture)[1]["dtype"] for _ in range(8)]
    assert ran[0] == "int8" and ran[-1] == "fp32", "a crowded scene goes to the accurate one after a while"
    assert offer.adaptive is not None


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/detect?conf=2", 400, "conf='2' is not a number from 0 to 1"),
        ("/detect?iou=nan", 400, "iou"),
        ("/detect?variant=fp64", 404, "ask for one of int8, fp32, adaptive"),
        ("/nothing", 404, "Not Found"),
        ("/metrics", 405, "Method Not Allowed"),
    ],
)
def test_wrong_requests_are_told_in_a_line(address: str, picture: bytes, path: str, status: int, words: str) -> None:
    answered, document = told(address, path, picture)
    assert answered == status and words in document["error"]


def test_what_is_no_picture_is_refused(address: str, picture: bytes) -> None:
    for body in (b"no picture", picture[: len(picture) // 2], b"\x89PNG\r\n\x1a\n"):
        assert told(address, "/detect", body)[0] == 415


def test_other_names_than_its_own_are_refused(address: str) -> None:
    assert asked(address, "/", Host="localhost:1")[0] == 200
    assert asked(address, "/", Host="rebound.example")[0] == 400


def test_metrics_count_what_was_done(address: str, picture: bytes) -> None:
    def runs() -> float:
        return gauge(address, 'zcc_frame_seconds_count{dtype="fp32"}')

    told(address, "/detect?variant=fp32", picture)
    before = runs()
    told(address, "/detect?variant=fp32", picture)
    assert runs() == before + 1
    text = asked(address, "/metrics")[1].decode()
    line = re.compile(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.e\dInf]+')
    assert all(line.fullmatch(each) for each in text.splitlines())
    assert 'zcc_requests_total{route="/detect",status="200"}' in text
    assert asked(address, "/healthz") == (200, b"ok\n")
