"""What the registry promises, in every kind of database."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import Ambiguous, CorruptArtifact, NotFound, RegistryError, UsageError
from zcc.runtime.manifest import FileEntry, Manifest, Measurement


def test_a_new_registry_is_empty_and_reading_it_creates_nothing(home: Path) -> None:
    registry = Registry.open(home)
    assert registry.artifacts() == []
    assert registry.verify().describe() == {
        "artifacts": 0,
        "files": 0,
        "bytes": 0,
        "problems": [],
        "orphans": [],
        "strays": [],
        "ok": True,
    }
    assert registry.gc().bytes == 0
    with pytest.raises(NotFound, match="empty"):
        registry.find("yolo")
    assert not home.exists()


def test_what_is_published_can_be_loaded_from_its_folder(registry: Registry, tmp_path: Path) -> None:
    source, manifest = artifact(tmp_path / "a")
    published = registry.publish(source, manifest, tags=["v1"])
    assert published.digest == manifest.digest and published.tags == ("v1",)
    again = registry.resolve("yolo:v1")
    assert again == published
    assert Manifest.read(registry.folder(again)) == manifest
    for entry in manifest.files:
        assert (again.folder / entry.path).read_bytes() == (source / entry.path).read_bytes()


def test_a_file_that_artifacts_share_is_stored_once(registry: Registry, tmp_path: Path) -> None:
    first = registry.publish(*artifact(tmp_path / "a"))
    second = registry.publish(*artifact(tmp_path / "b", seed=1))
    libraries = [found.folder / "libtvm_runtime.so.gz" for found in (first, second)]
    assert libraries[0].samefile(libraries[1])
    assert len([path for path in (registry.home / "files").rglob("*") if path.is_file()]) == 5


def test_publishing_the_same_twice_changes_nothing_but_the_order(registry: Registry, tmp_path: Path) -> None:
    source, manifest = artifact(tmp_path / "a")
    registry.publish(source, manifest)
    newer = registry.publish(*artifact(tmp_path / "b", seed=1))
    assert registry.resolve("yolo").digest == newer.digest
    registry.publish(source, manifest)
    assert registry.resolve("yolo").digest == manifest.digest
    assert len(registry.artifacts()) == 2
    registry.renew(newer.digest)
    assert registry.resolve("yolo").digest == newer.digest


def test_a_name_means_the_last_of_each_variant(registry: Registry, tmp_path: Path) -> None:
    registry.publish(*artifact(tmp_path / "old"))
    new = registry.publish(*artifact(tmp_path / "new", seed=1))
    small = registry.publish(*artifact(tmp_path / "small", dtype="int8"))
    other = registry.publish(*artifact(tmp_path / "other", target="cuda sm_72"))
    assert {found.digest for found in registry.find("yolo")} == {new.digest, small.digest, other.digest}
    assert registry.resolve("yolo", dtype="int8").digest == small.digest
    assert registry.resolve("yolo", target="cuda sm_72").digest == other.digest
    with pytest.raises(Ambiguous) as caught:
        registry.resolve("yolo", dtype="fp32")
    assert "cuda sm_72" in str(caught.value) and "x86-64-v4" in str(caught.value)
    with pytest.raises(NotFound, match=r"no variant bf16.*int8"):
        registry.find("yolo", dtype="bf16")


def test_a_digest_is_found_by_its_start(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    digits = found.digest.removeprefix("sha256:")
    for text in (
        found.digest,
        f"sha256:{digits[:7]}",
        digits[:4],
        digits,
        f"yolo@{found.digest}",
        f"yolo@sha256:{digits[:9]}",
    ):
        assert registry.resolve(text).digest == found.digest
    for text in (f"other@{found.digest}", "sha256:" + "0" * 64, "0" * 12):
        with pytest.raises(NotFound):
            registry.resolve(text)


def test_a_digest_start_that_fits_several_is_ambiguous(registry: Registry, tmp_path: Path) -> None:
    wanted: dict[str, Manifest] = {}
    _, manifest = artifact(tmp_path / "a")
    for number in range(20_000):
        candidate = dataclasses.replace(manifest, fingerprint=str(number))
        start = candidate.digest[:11]
        if start in wanted:
            break
        wanted[start] = candidate
    else:
        pytest.fail("no two digests start alike")
    for one in (wanted[start], candidate):
        registry.publish(tmp_path / "a", one)
    with pytest.raises(Ambiguous):
        registry.find(start)


def test_a_name_wins_over_a_digest_that_starts_like_it(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    name = found.digest.removeprefix("sha256:")[:6]
    named = registry.publish(*artifact(tmp_path / "b", name=name))
    assert registry.resolve(name).digest == named.digest
    assert registry.resolve(f"sha256:{name}").digest == found.digest


@pytest.mark.parametrize(
    "text", ["", ":", "a:", ":b", "a b", "../x", "a@", "a@sha256:xyz", "sha256:", "a:b:c", "ä", "-x"]
)
def test_what_cannot_be_a_reference_is_wrong_usage(home: Path, text: str) -> None:
    with pytest.raises(UsageError):
        Registry.open(home).find(text)


def test_not_found_says_what_there_is(registry: Registry, tmp_path: Path) -> None:
    registry.publish(*artifact(tmp_path / "a", name="yolov8n"), tags=["prod"])
    with pytest.raises(NotFound, match="did you mean yolov8n"):
        registry.find("yolov8m")
    with pytest.raises(NotFound, match="has the tags prod"):
        registry.find("yolov8n:staging")


def test_tags_move_and_roll_back(registry: Registry, tmp_path: Path) -> None:
    first = registry.publish(*artifact(tmp_path / "a"), tags=["prod"])
    second = registry.publish(*artifact(tmp_path / "b", seed=1), tags=["prod"])
    assert registry.resolve("yolo:prod").digest == second.digest
    third = registry.publish(*artifact(tmp_path / "c", seed=2))
    registry.tag(third.digest, "prod")
    assert registry.rollback("yolo", "prod").digests == (second.digest,)
    assert registry.rollback("yolo", "prod").digests == (first.digest,)
    with pytest.raises(RegistryError, match="no earlier"):
        registry.rollback("yolo", "prod")
    registry.untag("yolo", "prod")
    with pytest.raises(NotFound):
        registry.resolve("yolo:prod")
    with pytest.raises(NotFound):
        registry.untag("yolo", "prod")
    registry.rollback("yolo", "prod")
    assert registry.resolve("yolo:prod").digest == first.digest
    moves = registry.history("yolo", "prod")
    assert [move.why for move in moves] == ["rollback", "untag", "rollback", "rollback", "tag", "tag", "tag"]


def test_a_tag_holds_all_the_variants_it_was_given(registry: Registry, tmp_path: Path) -> None:
    both = {registry.publish(*artifact(tmp_path / dtype, dtype=dtype)).digest for dtype in ("fp32", "int8")}
    registry.tag("yolo", "prod")
    assert {found.digest for found in registry.find("yolo:prod")} == both
    assert registry.resolve("yolo:prod", dtype="int8").manifest.dtype == "int8"
    registry.tag("yolo", "prod")
    assert len(registry.history("yolo", "prod")) == 1, "a tag that stays is no move"
    registry.tag("yolo:prod", "prod", dtype="fp32")
    assert [found.manifest.dtype for found in registry.find("yolo:prod")] == ["fp32"]


def test_what_a_tag_holds_is_not_removed_by_accident(registry: Registry, tmp_path: Path) -> None:
    first = registry.publish(*artifact(tmp_path / "a"), tags=["prod"])
    second = registry.publish(*artifact(tmp_path / "b", seed=1), tags=["prod"])
    with pytest.raises(RegistryError, match="tagged yolo:prod"):
        registry.remove(second.digest)
    registry.remove(first.digest)
    with pytest.raises(RegistryError, match="was removed"):
        registry.rollback("yolo", "prod")
    registry.remove(second.digest, force=True)
    assert registry.artifacts() == []
    assert [move.why for move in registry.history("yolo")] == ["rm", "tag", "tag"]


def test_removing_an_ambiguous_name_removes_nothing(registry: Registry, tmp_path: Path) -> None:
    for dtype in ("fp32", "int8"):
        registry.publish(*artifact(tmp_path / dtype, dtype=dtype))
    registry.publish(*artifact(tmp_path / "newer", seed=1))
    with pytest.raises(Ambiguous):
        registry.remove("yolo")
    assert len(registry.artifacts()) == 3
    assert len(registry.remove("yolo", every=True)) == 3


def test_figures_are_added_and_never_replaced(registry: Registry, tmp_path: Path) -> None:
    built = Measurement("drift_mean", 1e-6, "against ONNX Runtime")
    found = registry.publish(*artifact(tmp_path / "a", measured=(built,)))
    registry.record_measurement(found.digest, Measurement("latency_ms", 12.5, "median of 100"))
    registry.record_measurement(found.digest, Measurement("latency_ms", 11.5, "median of 200"))
    found = registry.resolve("yolo")
    assert found.figure("latency_ms") == 11.5 and found.figure("drift_mean") == 1e-6 and found.figure("x") is None
    described = found.describe()["measured"]
    assert [entry["how"] for entry in described] == ["against ONNX Runtime", "median of 100", "median of 200"]
    assert found.digest == found.manifest.digest
    with pytest.raises(NotFound):
        registry.record_measurement("sha256:" + "0" * 64, built)
    registry.remove("yolo")


def test_a_fingerprint_finds_what_was_built_if_it_is_sound(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    fingerprint = found.manifest.fingerprint
    assert registry.by_fingerprint("another") is None
    reused = registry.by_fingerprint(fingerprint)
    assert reused is not None and reused.digest == found.digest
    weights = found.folder / "weights.bin"
    weights.chmod(0o644)
    weights.write_bytes(b"damaged")
    assert registry.by_fingerprint(fingerprint) is None
    registry.publish(*artifact(tmp_path / "a"))
    assert registry.by_fingerprint(fingerprint) is not None, "publishing again heals"
    assert registry.verify().problems == ()


def test_files_that_are_not_what_the_manifest_says_are_refused(registry: Registry, tmp_path: Path) -> None:
    source, manifest = artifact(tmp_path / "a")
    (source / "weights.bin").write_bytes(b"other")
    with pytest.raises(CorruptArtifact, match=r"weights\.bin"):
        registry.publish(source, manifest)
    assert registry.artifacts() == []


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "meta.json", "", ".", "a/../b", "a//b"])
def test_a_manifest_cannot_reach_outside_its_folder(home: Path, tmp_path: Path, path: str) -> None:
    source, manifest = artifact(tmp_path / "a")
    entry = FileEntry(path, hashlib.sha256(b"x").hexdigest(), 1)
    with pytest.raises(CorruptArtifact, match="names the file"):
        Registry.open(home).publish(source, dataclasses.replace(manifest, files=(*manifest.files, entry)))


@pytest.mark.parametrize("sha256", ["", "../../../../etc/x", "A" * 64, "0" * 63])
def test_a_manifest_cannot_name_files_by_anything_but_a_hash(home: Path, tmp_path: Path, sha256: str) -> None:
    source, manifest = artifact(tmp_path / "a")
    files = (*manifest.files, FileEntry("x", sha256, 1))
    with pytest.raises(CorruptArtifact, match=r"files\[3\].sha256"):
        Registry.open(home).publish(source, dataclasses.replace(manifest, files=files))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a@b", "a/b", "sha256", ".hidden", "x" * 129])
def test_a_name_that_no_reference_could_mean_is_refused(home: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        Registry.open(home).publish(*artifact(tmp_path / "a", name=name))


def test_a_lost_folder_is_made_again_from_the_stored_files(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    for path in found.folder.iterdir():
        path.unlink()
    found.folder.rmdir()
    assert Manifest.read(registry.folder(found)) == found.manifest
    assert registry.verify().problems == ()
