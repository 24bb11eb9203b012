"""One headless browser for the tests of a process, and pages in it that keep account of what goes wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.web.viewing import View

FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    driver = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with driver.sync_playwright() as play:
        started = play.chromium.launch(executable_path=program, args=FAKE_CAMERA)
        yield started
        started.close()


@pytest.fixture
def view(browser: Any) -> Iterator[Callable[..., View]]:
    """Opens an address as a page of its own; at the end of the test nothing may have gone wrong in any of them."""
    opened: list[View] = []

    def open_page(address: str, width: int = 1280, theme: str = "light") -> View:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        opened.append(View(context, address))
        return opened[-1]

    yield open_page
    for each in opened:
        each.context.close()
    assert [trouble for each in opened for trouble in each.troubles] == []
