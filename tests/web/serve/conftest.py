"""The small detector in two precisions, offered and served."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests import store
from tests.conftest import Tiny
from tests.runtime.samples import changed_copy, noise
from tests.web.serve.running import running
from zcc.registry import Registry
from zcc.runtime.choice import Wish
from zcc.runtime.manifest import Manifest, Measurement
from zcc.web.serve.offer import Offer, load_offer
from zcc.web.serve.settings import Settings


@pytest.fixture(scope="session")
def pair(tiny_artifact: Tiny) -> Path:
    """A registry that holds `tiny` as fp32, and a little changed as int8, which is called quicker and worse."""

    def make(place: Path) -> None:
        registry = Registry.open(place / "registry")
        other = changed_copy(tiny_artifact.folder, place / "other", scale=0.97, dtype="int8", measured=())
        for folder, milliseconds, accuracy in ((tiny_artifact.folder, 2.0, 0.5), (other, 1.0, 0.49)):
            digest = registry.publish(folder, Manifest.read(folder)).digest
            registry.record_measurement(digest, Measurement("latency_ms", milliseconds, "made up"))
            registry.record_measurement(digest, Measurement("map50_95", accuracy, "made up"))

    return store.made_once("served-pair", make) / "registry"


@pytest.fixture(scope="session")
def offer(pair: Path) -> Iterator[Offer]:
    """Both, and what changes between them."""
    loaded = load_offer("tiny", Wish(), str(pair), every=True)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def address(offer: Offer) -> Iterator[str]:
    """A server with its usual bounds."""
    with running(offer, Settings()) as found:
        yield found


@pytest.fixture(scope="session")
def frame() -> NDArray[np.uint8]:
    """Noise, in which random weights see much."""
    return noise(96, 128)


@pytest.fixture(scope="session")
def picture(frame: NDArray[np.uint8]) -> bytes:
    """The frame as a PNG, which loses nothing."""
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame[..., ::-1])).save(written, "PNG")
    return written.getvalue()
