"""Variants on pictures: what is the same, missed or found alone."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Tiny
from tests.runtime.samples import changed_copy, noise
from zcc.registry import Registry
from zcc.runtime.agreement import counterparts
from zcc.runtime.errors import InputError
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import gather
from zcc.web.report.page import page
from zcc.web.report.pictures import Gallery, look

THRESHOLDS = (0.3, 0.45)


@pytest.fixture(scope="module")
def pair(tiny_artifact: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The small detector, and the same with weights a little off."""
    place = tmp_path_factory.mktemp("pair")
    registry = Registry.open(place / "registry")
    registry.publish(tiny_artifact.folder, Manifest.read(tiny_artifact.folder))
    other = changed_copy(tiny_artifact.folder, place / "other", scale=0.97, dtype="int8", measured=())
    registry.publish(other, Manifest.read(other))
    return registry


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, in which a detector with random weights sees much."""
    path = tmp_path_factory.mktemp("pictures") / "a<b>.png"
    Image.fromarray(noise(120, 200)).save(path)
    return path


def test_differences_are_those_of_the_detectors(pair: Registry, picture: Path) -> None:
    gallery = look(pair, gather(pair, None), [picture], THRESHOLDS)
    [(name, [scene])] = gallery.scenes
    reference, other = scene.seen
    assert (name, reference.entry.dtype, other.entry.dtype) == ("tiny", "fp32", "int8")
    frame = np.ascontiguousarray(np.asarray(Image.open(picture))[..., ::-1])
    found = {
        seen.entry.dtype: Variant(seen.entry.artifact.folder, seen.entry.artifact.manifest).run(frame, *THRESHOLDS)
        for seen in scene.seen
    }
    np.testing.assert_array_equal(other.found.boxes, found["int8"].boxes)
    partners = counterparts(found["fp32"], found["int8"])
    assert other.missed == [number for number, partner in enumerate(partners) if partner < 0]
    assert sorted(partner for partner in other.partners if partner >= 0) == [
        number for number, partner in enumerate(partners) if partner >= 0
    ]
    assert all(partner == number for number, partner in enumerate(reference.partners)) and not reference.missed


def test_the_page_holds_each_picture_once(pair: Registry, picture: Path) -> None:
    told = gather(pair, None)
    gallery = look(pair, told, [picture.parent], THRESHOLDS)
    text = page(told, Evidence(), gallery, datetime(2026, 11, 20, tzinfo=timezone.utc))
    assert text.count("data:image/jpeg") == 1 and text.count('href="#picture-0-0"') == 2
    assert "a&lt;b&gt;.png" in text and "a<b>.png" not in text


def test_what_is_no_picture_is_named(pair: Registry, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    with pytest.raises(InputError, match=r"notes\.txt is no picture"):
        look(pair, gather(pair, None), [path], THRESHOLDS)


def test_a_damaged_variant_is_left_out_and_told(pair: Registry, picture: Path) -> None:
    told = gather(pair, None)
    [broken] = [each for each in told.entries if each.dtype == "int8"]
    weights = broken.artifact.folder / "weights.bin"
    kept = weights.read_bytes()
    weights.unlink()
    try:
        gallery = look(pair, told, [picture], THRESHOLDS)
    finally:
        weights.write_bytes(kept)
    assert isinstance(gallery, Gallery) and len(gallery.scenes[0][1][0].seen) == 1
    assert gallery.failures and gallery.failures[0].startswith("int8 for")
