"""Loading by name: what is read at once is what reading whole finds, and anything else is left to that."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.location import locate
from zcc.registry.lookup import find_by_name
from zcc.registry.source import RegistrySource
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import Measurement


@pytest.fixture
def filled(home: Path, tmp_path: Path) -> Registry:
    """Two builds of one variant, an imported one of another, and figures of here and of elsewhere."""
    registry = Registry.open(home)
    for seed in range(2):
        found = registry.publish(*artifact(tmp_path / str(seed), seed=seed), tags=["prod"])
        registry.record_measurement(found.digest, Measurement("latency_ms", 5.0 + seed, "median"))
    other = registry.publish(*artifact(tmp_path / "int8", dtype="int8"), origin="import")
    registry.record_measurement(other.digest, Measurement("latency_ms", 1.0, "median"), "import")
    registry.record_measurement(other.digest, Measurement("map50_95", 0.5, "COCO"))
    registry.publish(*artifact(tmp_path / "other", "other"))
    return registry


def test_it_is_what_reading_whole_finds(filled: Registry, home: Path) -> None:
    found = find_by_name(locate(home), "yolo")
    assert found == [each.candidate for each in filled.find("yolo")]
    assert found is not None and [len(each.figures("latency_ms")) for each in found] == [1, 1]


def test_what_is_no_name_is_looked_at_closer(filled: Registry, home: Path, tmp_path: Path) -> None:
    digest = filled.find("other")[0].digest
    source = RegistrySource(str(home))
    for reference in ("yolo:prod", digest, digest[7:20], f"other@{digest}"):
        assert find_by_name(locate(home), reference) is None
        assert len(source.variants(reference)) == 1
    assert find_by_name(locate(tmp_path / "nothing"), "yolo") is None
    (home / "artifacts" / digest[7:] / "meta.json").unlink()
    assert find_by_name(locate(home), "other") is None
    assert (source.variants("other")[0].folder / "meta.json").is_file(), "its folder is made anew"


@pytest.mark.parametrize(
    "damage", ["UPDATE zcc_schema SET version_num = '0001'", "UPDATE artifacts SET manifest = '{}'"]
)
def test_an_index_that_is_not_as_it_should_be_is_looked_at_closer(filled: Registry, home: Path, damage: str) -> None:
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute(damage)
    assert find_by_name(locate(home), "yolo") is None
    if "artifacts" in damage:
        with pytest.raises(CorruptArtifact, match="changed manifest"):
            RegistrySource(str(home)).variants("yolo")


def test_little_is_imported_for_it(filled: Registry, home: Path) -> None:
    code = (
        "import sys\nfrom zcc.runtime.detector import find_source\n"
        f"assert len(find_source('yolo', {str(home)!r}).variants('yolo')) == 2\n"
        "print(*sorted(name for name in sys.modules if name.startswith('zcc.registry.')))"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    names = ("database", "location", "lookup", "revision", "rows", "source", "tables")
    assert told.split() == [f"zcc.registry.{name}" for name in names]
