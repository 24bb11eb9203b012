"""Bundles: one file on a machine that has nothing but the runtime."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import assert_same, noise, run_python
from tests.runtime.test_thin import ALONE
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector
from zcc.runtime.bundle import INDEX, Bundle
from zcc.runtime.errors import ArtifactError, CorruptArtifact, IncompatibleHost, NotFound, ZccError
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import Manifest, Measurement, is_sound


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ZCC_CACHE", str(folder))
    return folder


@pytest.fixture
def bundle(pair: Pair, tmp_path: Path) -> Path:
    """Both variants in one file."""
    path = tmp_path / "pair.zcc"
    export_bundle(Registry.open(pair.home), ["tiny"], path)
    return path


def rewrite(path: Path, edit: Callable[[dict[str, bytes]], None], method: int = zipfile.ZIP_STORED) -> None:
    """Write the archive anew with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def files_of(cache: Path) -> dict[Path, int]:
    """Every file in the cache with the moment of its last change."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


@pytest.mark.parametrize("target", [FAST, SLOW])
def test_it_detects_what_the_registry_does(pair: Pair, bundle: Path, target: str) -> None:
    frame = noise(48, 64)
    assert_same(Detector.load(bundle, target=target)(frame), pair.load(target)(frame))
    assert_same(Detector.load(str(bundle), target=target)(frame), pair.load(target)(frame))


def test_it_runs_where_nothing_else_is_installed_and_without_the_registry(pair: Pair, bundle: Path) -> None:
    expected = pair.load(SLOW)(noise(48, 64)).boxes.tobytes().hex()
    pair.home.rename(pair.home.with_name("gone"))
    code = f"""{ALONE}
import numpy as np
from zcc.runtime import Detector
detector = Detector.load(sys.argv[1], target=sys.argv[2])
print(detector(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)).boxes.tobytes().hex())
assert not {{"tvm", "sqlalchemy", "click", "zcc.registry"}} & set(sys.modules)
"""
    assert run_python(code, bundle, SLOW).strip() == expected


def test_only_the_variant_that_runs_is_unpacked(bundle: Path, cache: Path) -> None:
    detector = Detector.load(bundle, target=FAST)
    assert len({path.parent for path in files_of(cache)}) == 1
    detector.swap(target=SLOW)
    assert detector.manifest.target == SLOW
    assert len({path.parent for path in files_of(cache)}) == 2


def test_the_figures_measured_later_travel_along(pair: Pair, tmp_path: Path) -> None:
    registry = Registry.open(pair.home)
    registry.record_measurement(pair.load(FAST).manifest.digest, Measurement("latency_ms", 50.0, "under load"))
    export_bundle(registry, ["tiny"], tmp_path / "later.zcc")
    told = Detector.explain(tmp_path / "later.zcc").chosen
    assert told is not None and told.manifest.target == SLOW


def test_a_shared_file_is_there_once(pair: Pair, bundle: Path) -> None:
    sizes = [Manifest.read(folder).sizes for folder in pair.folders.values()]
    shared = sizes[0][RUNTIME_LIBRARY]
    assert bundle.stat().st_size < sum(each["total"] for each in sizes) - shared + 20_000


def test_what_is_unpacked_is_used_again_and_what_was_damaged_is_replaced(bundle: Path, cache: Path) -> None:
    expected = Detector.load(bundle, target=FAST)(noise(48, 64))
    before = files_of(cache)
    Detector.load(bundle, target=FAST)
    assert files_of(cache) == before
    [weights] = cache.rglob(WEIGHTS)
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    weights.unlink()
    weights.write_bytes(damaged)
    assert_same(Detector.load(bundle, target=FAST)(noise(48, 64)), expected)
    assert weights.read_bytes() != damaged
    assert files_of(cache).keys() == before.keys()


def test_a_replaced_bundle_is_seen_by_the_next_swap(pair: Pair, bundle: Path) -> None:
    detector = Detector.load(bundle)
    export_bundle(Registry.open(pair.home), ["tiny"], bundle, target=SLOW)
    detector.swap()
    assert detector.manifest.target == SLOW


def test_what_is_not_there_is_named(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="fp32 for"):
        Detector.load(bundle, dtype="fp4")
    with pytest.raises(ArtifactError, match=r"absent\.zcc cannot be read: No such file"):
        Detector.load(tmp_path / "absent.zcc")
    (tmp_path / "folder.zcc").mkdir()
    with pytest.raises(ArtifactError, match=r"folder.zcc cannot be read"):
        Detector.load(tmp_path / "folder.zcc")


def _without_index(members: dict[str, bytes]) -> None:
    del members[INDEX]


def _without_files(members: dict[str, bytes]) -> None:
    for name in [name for name in members if name != INDEX]:
        del members[name]


def _other_bytes(members: dict[str, bytes]) -> None:
    for name in members.keys() - {INDEX}:
        members[name] = b"other" + members[name][5:]


def _outside(members: dict[str, bytes]) -> None:
    members[INDEX] = members[INDEX].replace(b"weights.bin", b"../weights.bin")


def _index(document: object) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({INDEX: json.dumps(document).encode()})


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (_without_index, "index.json"),
        (_without_files, "no item named"),
        (_other_bytes, "is not what was exported"),
        (_outside, "names the file '../weights.bin'"),
        (_index([]), "no bundle"),
        (_index({"format": 1}), "variants"),
        (_index({"format": 1, "variants": []}), "without a variant"),
        (_index({"format": 1, "variants": ["x"]}), "no bundle"),
        (_index({"format": 1, "variants": [{"manifest": "{}", "measured": []}]}), "not a zcc manifest"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(
    bundle: Path, cache: Path, edit: Callable[[dict[str, bytes]], None], told: str
) -> None:
    rewrite(bundle, edit)
    with pytest.raises(CorruptArtifact, match=told):
        Detector.load(bundle, target=FAST)
    assert files_of(cache) == {}


def test_a_later_format_and_a_compressed_archive_are_refused(bundle: Path) -> None:
    rewrite(bundle, lambda members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(CorruptArtifact, match="compressed"):
        Detector.load(bundle)
    rewrite(bundle, _index({"format": 2, "variants": []}))
    with pytest.raises(IncompatibleHost, match="format 2"):
        Detector.load(bundle)


def _many(members: dict[str, bytes]) -> None:
    members.update({f"files/{number}": b"" for number in range(10_000)})


def _one_as_many(members: dict[str, bytes]) -> None:
    index = json.loads(members[INDEX])
    for variant in index["variants"]:
        manifest = json.loads(variant["manifest"])
        [weights] = [entry for entry in manifest["files"] if entry["path"] == WEIGHTS]
        manifest["files"] += [{**weights, "path": f"copy{number}"} for number in range(60)]
        variant["manifest"] = json.dumps(manifest)
    members[INDEX] = json.dumps(index).encode()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda members: members.update({INDEX: b'{"x": [' + b"[]," * (30 << 20)}), "more than 4 MB"),
        (lambda members: members.update({INDEX: b"[" * 100_000}), "nested too deeply"),
        (lambda members: members.update({INDEX: b"[" + b"{}," * 400_000}), "too large"),
        (_many, "has 1000. members"),
        (_one_as_many, "larger than itself"),
    ],
    ids=["a large index", "a nested index", "an index of many values", "many members", "one member as many files"],
)
def test_a_bundle_that_becomes_far_more_than_it_is_is_refused(
    bundle: Path, cache: Path, edit: Callable[[dict[str, bytes]], None], told: str
) -> None:
    rewrite(bundle, edit)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptArtifact, match=told):
            Detector.load(bundle, target=FAST)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert files_of(cache) == {}


def test_a_member_that_is_there_twice_or_says_that_it_is_larger_is_refused(bundle: Path) -> None:
    content = bundle.read_bytes()
    with zipfile.ZipFile(bundle, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(INDEX, b"{}")
    with pytest.raises(CorruptArtifact, match="of different names"):
        Detector.load(bundle)
    place = content.rindex(b"PK\x01\x02")  # of the last member in the table
    bundle.write_bytes(content[: place + 24] + (1 << 30).to_bytes(4, "little") + content[place + 28 :])
    with pytest.raises(CorruptArtifact, match="larger than itself"):
        Detector.load(bundle)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "zeros"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "trap.zcc")
    with pytest.raises(ArtifactError, match=r"trap\.zcc cannot be read: it is no regular file"):
        Detector.load(tmp_path / "trap.zcc")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18), bytes(1000)])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.zcc"
    path.write_bytes(content)
    with pytest.raises(CorruptArtifact, match=r"bad\.zcc is no bundle"):
        Detector.load(path)


def test_whatever_bytes_are_cut_or_changed_the_error_is_told_or_the_files_are_sound(
    bundle: Path, tmp_path: Path
) -> None:
    """Where an archive is described, a changed byte does the most harm: its index and its table of members."""
    whole, draw, refused = bundle.read_bytes(), random.Random(0), 0
    bad = tmp_path / "bad.zcc"
    for step in range(150):
        content = bytearray(whole)
        if step % 3 == 0:
            del content[draw.randrange(len(content)) :]
        else:
            for _ in range(draw.randint(1, 4)):
                place = draw.choice([draw.randrange(4000), len(content) - 1 - draw.randrange(800)])
                content[place] = draw.randrange(256)
        bad.write_bytes(content)
        try:
            found = Bundle(bad)
            for candidate in found.variants():
                folder = found.unpack(candidate, tmp_path / "unpacked" / candidate.folder.name)
                assert all(is_sound(folder / entry.path, entry) for entry in candidate.manifest.files)
        except ZccError as error:
            refused += 1
            assert "bad.zcc" in str(error) or "manifest" in str(error)
    assert refused > 100


def test_a_cache_that_cannot_be_written_is_told(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "file"))
    with pytest.raises(ArtifactError, match=r"file.* cannot be .*set ZCC_CACHE"):
        Detector.load(bundle)


def test_the_cache_is_the_users_own(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZCC_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable, place in (("relative", "home/.cache"), (str(tmp_path / "xdg"), "xdg")):
        monkeypatch.setenv("XDG_CACHE_HOME", variable)
        [first, *_] = Bundle(bundle).variants()
        assert first.folder.is_relative_to(tmp_path / place / "zcc" / "bundles")
