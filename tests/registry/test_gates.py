"""Protected tags: what they take, when they are asked, who moved them and why; and which builds are kept."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.source import open_source
from zcc.runtime.choice import Wish, explain
from zcc.runtime.errors import NotFound, RegistryError, TrustError
from zcc.runtime.manifest import Measurement

ACCURATE = json.dumps({"policy": 1, "accuracy": {"data": "val", "at_least": 0.6}})
STRICTER = json.dumps({"policy": 1, "accuracy": {"data": "val", "at_least": 0.7}})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a registry lies with an artifact of mAP 0.65 and one of 0.55, built in this order."""
    home = tmp_path / "registry"
    registry = Registry.open(home)
    for seed, score in enumerate((0.65, 0.55)):
        figures = (Measurement("map50_95", score, "100 pictures of val"),)
        registry.publish(*artifact(tmp_path / str(seed), seed=seed, measured=figures))
    return home


def _good(registry: Registry) -> str:
    return next(each.digest for each in registry.artifacts() if each.figure("map50_95") == 0.65)


def test_a_move_says_who_when_from_where_and_why(home: Path) -> None:
    registry = Registry.open(home)
    good = _good(registry)
    registry.tag("yolo", "prod", message="it is newer")
    registry.tag(good, "prod", message="it is\nbetter")
    last, first = registry.history("yolo", "prod")
    assert last.who == first.who == pwd.getpwuid(os.getuid()).pw_name
    assert (first.message, last.message) == ("it is newer", "it is\\nbetter"), "a message is one line"
    assert first.came_from == () and last.came_from == first.digests and last.digests == (good,)
    assert last.describe()["came_from"] == list(first.digests)


@pytest.mark.parametrize("owner", ["yolo", "*"])
def test_a_protected_tag_takes_what_its_gate_lets_through(home: Path, tmp_path: Path, owner: str) -> None:
    registry = Registry.open(home)
    registry.protect(owner, "prod", ACCURATE)
    with pytest.raises(TrustError, match=r"may not be yolo:prod: its map50_95 on val is 0\.55, at least 0\.6"):
        registry.tag("yolo", "prod")
    with pytest.raises(TrustError, match="nobody measured map50_95"):
        registry.publish(*artifact(tmp_path / "new", seed=9), tags=["prod"])
    assert len(registry.artifacts()) == 2, "what may not bear its tag is not published with it"
    with pytest.raises(NotFound):
        registry.find("yolo:prod")
    registry.tag(_good(registry), "prod")
    registry.tag("yolo", "next")
    registry.protect(owner, "prod", None, message="an emergency")
    registry.tag("yolo", "prod")
    assert registry.gates() == []


def test_a_names_own_gate_goes_before_the_one_of_every_name(home: Path) -> None:
    registry = Registry.open(home)
    registry.protect("*", "prod", STRICTER)
    registry.protect("yolo", "prod", ACCURATE)
    registry.tag(_good(registry), "prod")
    assert [gate.label for gate in registry.gates()] == ["*:prod", "yolo:prod"]


def test_a_rollback_is_asked_too(home: Path) -> None:
    registry = Registry.open(home)
    registry.tag("yolo", "prod")
    registry.tag(_good(registry), "prod")
    registry.protect("yolo", "prod", ACCURATE)
    with pytest.raises(TrustError, match="may not be yolo:prod"):
        registry.rollback("yolo", "prod")
    assert registry.resolve("yolo:prod").digest == _good(registry)


def test_what_is_loaded_by_a_protected_tag_is_asked_again(home: Path) -> None:
    """The gate was changed since, as when a key is revoked: what stands behind the tag runs no more."""
    registry = Registry.open(home)
    registry.tag(_good(registry), "prod")
    source = open_source(str(home))
    assert source.variants("yolo:prod")[0].barred is None
    registry.protect("yolo", "prod", STRICTER)
    [candidate] = source.variants("yolo:prod")
    assert candidate.barred == "its map50_95 on val is 0.65, at least 0.7 is asked for"
    told = explain("yolo:prod", [candidate], Wish())
    assert told.chosen is None and "at least 0.7" in told.verdicts[0].why
    [free] = source.variants(candidate.manifest.digest)
    assert free.barred is None, "by its digest it is what was asked for by name"


HOLD = """
import sys
from pathlib import Path
from zcc.runtime.in_use import hold
class Owner: pass
owner = Owner()
hold(Path(sys.argv[1]), owner)
print("held", flush=True)
sys.stdin.readline()
"""


def test_what_a_running_detector_holds_is_not_collected(home: Path) -> None:
    registry = Registry.open(home)
    good = registry.resolve(_good(registry))
    command = [sys.executable, "-c", HOLD, str(good.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdin is not None
        assert running.stdout.readline() == "held\n"
        assert registry.gc(keep_last=1).in_use == () and len(registry.artifacts()) == 2, "it is not even removed"
        registry.remove(good.digest)
        freed = registry.gc()
        assert freed.in_use == (good.folder,) and freed.folders == freed.files == ()
        running.stdin.write("\n")
        running.stdin.flush()
        assert running.wait() == 0
    assert registry.gc().folders == (good.folder,) and not good.folder.exists()


def test_the_last_builds_of_each_variant_are_kept_and_what_tags_need(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "registry")
    digests = [registry.publish(*artifact(tmp_path / str(seed), seed=seed)).digest for seed in range(6)]
    other = registry.publish(*artifact(tmp_path / "int8", dtype="int8", seed=7)).digest
    registry.tag(digests[0], "prod")
    registry.tag(digests[1], "prod")
    planned = registry.gc(dry_run=True, keep_last=2)
    assert len(planned.folders) == 2 and len(registry.artifacts()) == 7
    assert registry.gc(keep_last=2).folders == planned.folders
    left = {each.digest for each in registry.artifacts()}
    assert left == {digests[0], digests[1], digests[4], digests[5], other}
    registry.rollback("yolo", "prod")
    assert registry.verify().ok
    with pytest.raises(RegistryError):
        registry.find(digests[2])
