"""The page of a server in a browser: a picture or the camera, thresholds, variants side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.web.viewing import View
from zcc.web.serve.offer import Offer

Open = Callable[..., View]


@pytest.fixture
def shown(view: Open, address: str) -> View:
    """The page, open."""
    return view(address)


@pytest.fixture
def file(picture: bytes, tmp_path: Path) -> Path:
    """The picture as users have it."""
    path = tmp_path / "noise.png"
    path.write_bytes(picture)
    return path


def result(shown: View, key: str, words: str) -> Any:
    """What is told under a variant's picture, once it is."""
    told = shown.page.locator(f'[data-key="{key}"] figcaption').filter(has_text=words)
    told.wait_for()
    return told


def test_a_picture_is_shown_with_what_each_variant_finds(
    shown: View, offer: Offer, frame: NDArray[np.uint8], file: Path
) -> None:
    shown.page.get_by_role("checkbox", name="fp32").check()
    shown.page.locator("#file").set_input_files(file)
    for key in ("int8", "fp32"):
        count = len(offer.variants[key].run(frame, 0.25, 0.45))
        caption = result(shown, key, f"{key} for").inner_text()
        assert f" {count} detection" in caption and " ms" in caption
    assert shown.page.locator("#running").inner_text() == "fp32"
    assert shown.page.locator("#edges").inner_text().endswith("%")
    assert shown.violations() == []
    assert all(url.startswith(shown.page.url) for url in shown.asked if not url.startswith("blob:"))


def test_thresholds_and_variants_change_what_is_seen(
    shown: View, offer: Offer, frame: NDArray[np.uint8], file: Path
) -> None:
    shown.page.locator("#file").set_input_files(file)
    result(shown, "int8", "detection")
    expected = len(offer.variants["int8"].run(frame, 0.9, 0.45))
    shown.page.get_by_label("Least score").fill("0.9")
    result(shown, "int8", f" {expected} detection")
    assert shown.page.locator("#conf-told").inner_text() == "0.90"
    shown.page.get_by_role("checkbox", name="int8").uncheck()
    shown.page.get_by_role("checkbox", name="adaptive").check()
    result(shown, "adaptive", "detection")
    assert shown.page.locator(".result").count() == 1


def test_the_camera_is_watched_until_it_is_stopped(shown: View) -> None:
    shown.page.get_by_role("button", name="Camera").click()
    result(shown, "int8", "detection")
    shown.page.get_by_role("button", name="Stop").click()
    shown.page.get_by_role("button", name="Camera").wait_for()


def test_what_is_no_picture_is_told(shown: View, tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_bytes(b"no picture")
    shown.page.locator("#file").set_input_files(path)
    shown.page.locator("#status").filter(has_text="no picture").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(view: Open, address: str, theme: str) -> None:
    assert view(address, theme=theme).violations() == []


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_it_fits_every_width(view: Open, address: str, width: int) -> None:
    assert not view(address, width).overflows()
