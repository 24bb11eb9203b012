"""Stored weights: what each kind of run becomes, and that no manifest makes of them what cannot be."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.harness import reference
from tests.conftest import Tiny
from tests.onnx_models import with_fp16_weights
from tests.runtime.samples import assert_same, changed_copy, edit_manifest, entries, noise
from zcc.runtime import Detector
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.expansion import KINDS, describe
from zcc.runtime.library import WEIGHTS, load_weights
from zcc.runtime.manifest import FILENAME, Manifest, Run
from zcc.runtime.split_weights import SplitWeights
from zcc.runtime.split_winograd_weights import SplitWinogradWeights
from zcc.runtime.variant import Variant
from zcc.runtime.winograd_weights import WinogradWeights

ORDER, PIECES = WinogradWeights((1.0,), 1, (2, 1, 4, 4)), SplitWeights((2, 1, 3, 3, 4, 4))
POINTS = SplitWinogradWeights(ORDER)
ORDERS = {type(order): order for order in (ORDER, PIECES, POINTS)}
RUNS: dict[str, dict[str, Any]] = {
    name: ORDERS[kind.order].parameters if kind.order else {} for name, kind in KINDS.items()
}


def test_runs_of_all_kinds_follow_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    floats = rng.standard_normal(ORDER.taken).astype(np.float32)
    halves = floats.astype(np.float16)
    wholes = rng.integers(0, 256, 7).astype(np.uint8)  # so that what follows lies at no multiple of anything
    parts = {"same": wholes, "half": halves}
    expected = {"same": wholes, "half": halves.astype(np.float32)}
    for name, made_by in (("winograd", ORDER), ("split", PIECES), ("split winograd", POINTS)):
        for kind, stored in ((name, floats), (f"half {name}", halves)):
            parts[kind], expected[kind] = stored, np.empty(made_by.made, np.float32)
            made_by.fill(stored.astype(np.float32), expected[kind])
    assert parts.keys() == KINDS.keys()
    order = ["half", "same", "winograd", "split", "half winograd", "same", "half split", "half"]
    order += ["split winograd", "same", "half split winograd"]
    (tmp_path / WEIGHTS).write_bytes(b"".join(parts[kind].tobytes() for kind in order))
    runs = [Run(kind, parts[kind].nbytes, RUNS[kind]) for kind in order]
    assert load_weights(tmp_path, runs).tobytes() == b"".join(expected[kind].tobytes() for kind in order)


def test_a_run_is_described_as_it_is_read() -> None:
    for name, kind in KINDS.items():
        order = ORDERS[kind.order] if kind.order else None
        assert describe(kind.stored, order, 12) == Run(name, 12, RUNS[name])


SIZE = 4 * ORDER.taken
WRONG: dict[str, Any] = {
    "an unknown kind": [{"kind": "double", "size": SIZE}],
    "a kind that is no text": [{"kind": ["same"], "size": SIZE}],
    "no size": [{"kind": "same"}],
    "a size that is no number": [{"kind": "same", "size": "many"}],
    "half a byte": [{"kind": "same", "size": SIZE + 0.5}],
    "half a number": [["same", 1], ["half", 3], ["same", SIZE - 4]],
    "too few bytes": [["same", SIZE - 1]],
    "too many bytes": [["same", SIZE + 1]],
    "far too many": [["half", 1 << 70]],
    "less than nothing": [["same", SIZE + 2], ["half", -2]],
    "runs that are numbers": [3],
    "pairs of three": [["same", SIZE, {}, 1]],
    "no parameters": [{"kind": "winograd", "size": SIZE}],
    "another number of weights": [{"kind": "half winograd", "size": SIZE, "parameters": ORDER.parameters}],
    "an endless shape": [
        {"kind": "winograd", "size": SIZE, "parameters": {**ORDER.parameters, "shape": [1 << 40, 1 << 40, 16, 16]}}
    ],
    "parameters that are a list": [{"kind": "winograd", "size": SIZE, "parameters": [1, 2]}],
}


@pytest.fixture(scope="module")
def small(tiny_artifact: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, and weights that one run would hold."""
    folder = tmp_path_factory.mktemp("small")
    (folder / WEIGHTS).write_bytes(bytes(SIZE))
    (folder / FILENAME).write_text(Manifest.read(tiny_artifact.folder).to_json())
    return folder


def load(folder: Path, runs: Any) -> Any:
    """The weights, as the runs of a manifest's text say."""
    edit_manifest(folder, expansion=runs)
    return load_weights(folder, Manifest.read(folder).expansion)


@pytest.mark.parametrize("name", WRONG)
def test_runs_that_cannot_be_are_corrupt(small: Path, name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CorruptArtifact, match=r"expanded|not a zcc manifest"):
            load(small, WRONG[name])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*KINDS, SIZE, SIZE // 2, 1.0]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ORDER.parameters]), inner),
    max_leaves=12,
)
ANY_RUN = st.fixed_dictionaries(
    {"kind": st.sampled_from([*KINDS]) | ANYTHING, "size": st.sampled_from([0, SIZE, SIZE // 2]) | ANYTHING},
    optional={"parameters": st.fixed_dictionaries(dict.fromkeys(ORDER.parameters, ANYTHING)) | ANYTHING},
)


@settings(max_examples=300)
@given(runs=st.lists(ANY_RUN | ANYTHING, max_size=3) | ANYTHING)
def test_anything_at_all_is_read_or_told(small: Path, runs: Any) -> None:
    try:
        weights = load(small, runs)
    except (CorruptArtifact, IncompatibleHost):
        return
    assert weights.size <= SIZE * 16


def test_an_artifact_with_winograds_weights_runs_as_with_what_they_become(tiny_artifact: Tiny, tmp_path: Path) -> None:
    manifest = Manifest.read(tiny_artifact.folder)
    assert "winograd" in {run.kind for run in manifest.expansion}
    plain = changed_copy(tiny_artifact.folder, tmp_path / "plain")
    stored, read = ((folder / WEIGHTS).stat().st_size for folder in (tiny_artifact.folder, plain))
    assert read > 1.3 * stored
    frame = noise(50, 70)
    assert_same(Detector.load(plain)(frame), Detector.load(tiny_artifact.folder)(frame))


def test_halves_are_whole_before_they_are_transformed(tiny_artifact: Tiny, tmp_path: Path) -> None:
    """So nothing is lost but what rounding the model's own weights loses."""
    folder, manifest = tmp_path / "half", Manifest.read(tiny_artifact.folder)
    shutil.copytree(tiny_artifact.folder, folder)
    halves = np.fromfile(folder / WEIGHTS, np.float32).astype(np.float16)
    (folder / WEIGHTS).unlink()
    halves.tofile(folder / WEIGHTS)
    kinds = {"same": "half", "winograd": "half winograd"}
    runs = tuple(Run(kinds[run.kind], run.size // 2, run.parameters) for run in manifest.expansion)
    halved = Variant(folder, replace(manifest, files=entries(folder), expansion=runs))
    image = np.random.default_rng(6).random((1, 3, 64, 64), np.float32)
    expected = reference(with_fp16_weights(onnx.load(tiny_artifact.model)), image)
    ranges = np.abs(expected).max((0, 2), keepdims=True)
    assert (np.abs(halved.run_network(image) - expected) / ranges).max() < 4e-6
    whole = Variant(tiny_artifact.folder, manifest).run_network(image)
    assert (np.abs(whole - expected) / ranges).max() > 4e-5


def test_older_runs_are_pairs(tiny_artifact: Tiny, tmp_path: Path) -> None:
    folder = changed_copy(tiny_artifact.folder, tmp_path / "old")
    weights = np.fromfile(folder / WEIGHTS, np.float32)
    halves = weights[64:].astype(np.float16)
    (folder / WEIGHTS).write_bytes(weights[:64].tobytes() + halves.tobytes())
    manifest = replace(Manifest.read(folder), files=entries(folder))
    text = {**json.loads(manifest.to_json()), "expansion": [["same", 256], ["half", halves.nbytes]]}
    (folder / FILENAME).write_text(json.dumps(text))
    detector = Detector.load(folder)
    np.testing.assert_array_equal(
        load_weights(folder, detector.manifest.expansion).view(np.float32),
        np.concatenate([weights[:64], halves.astype(np.float32)]),
    )
    assert len(detector(noise(50, 70))) > 0
