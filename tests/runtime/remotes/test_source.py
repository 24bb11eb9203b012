"""Detectors that are loaded from a real OCI server, follow a tag of it, and start while it is away."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Tiny
from tests.oci.server import OciServer
from zcc.registry import Registry
from zcc.registry.remotes.push import push
from zcc.runtime import Detector
from zcc.runtime.errors import Unavailable
from zcc.runtime.remotes.address import RemoteAddress, parse
from zcc.runtime.remotes.source import PACE, Remote
from zcc.runtime.source import MovingSource


@pytest.fixture
def there(oci: OciServer, tiny_artifact: Tiny, tmp_path: Path) -> RemoteAddress:
    """A tag that means the small detector."""
    address = parse(f"oci://{oci.host}/detectors/{tmp_path.name.replace('_', '-').lower()}:prod")
    registry = Registry.open(tiny_artifact.home)
    push(registry, registry.artifacts(), address)
    return address


def test_a_detector_is_loaded_from_a_tag(there: RemoteAddress, tiny_artifact: Tiny) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    here, loaded = Detector.load(tiny_artifact.folder), Detector.load(str(there))
    assert loaded.manifest.digest == here.manifest.digest
    np.testing.assert_array_equal(loaded(frame, conf=0.01).boxes, here(frame, conf=0.01).boxes)


def test_a_registry_that_is_away_does_not_keep_a_device_from_starting(
    there: RemoteAddress, tiny_artifact: Tiny, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Detector.load(str(there))
    monkeypatch.setattr("zcc.runtime.remotes.session.connect", _unplugged)
    with caplog.at_level(logging.WARNING, "zcc.runtime"):
        assert Detector.load(str(there)).manifest.name == "tiny"
    assert "meant when it was last seen" in caplog.text
    with pytest.raises(Unavailable):
        Remote(dataclasses.replace(there, tag="other")).variants()


def test_a_tag_is_followed_at_a_pace_that_a_registry_bears(
    there: RemoteAddress, oci: OciServer, tiny_artifact: Tiny, tmp_path: Path
) -> None:
    now = 100.0
    remote = Remote(there, clock=lambda: now)
    assert isinstance(remote, MovingSource)
    before = remote.revision()
    registry = Registry.open(tmp_path / "ours")
    [tiny] = Registry.open(tiny_artifact.home).artifacts()
    other = registry.publish(tiny.folder, dataclasses.replace(tiny.manifest, fingerprint="another"))
    push(registry, [other], there)
    assert remote.revision() == before, "asked again so soon, it asks nobody"
    now += PACE
    assert remote.revision() != before
    assert [each.manifest.digest for each in remote.variants()] == [other.digest]


def _unplugged(host: str, *_: object) -> None:
    raise Unavailable(f"{host} cannot be reached", "plug it in")
