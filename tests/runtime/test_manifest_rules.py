"""What a manifest may say: every rule by something that breaks it, and the fields that must fit each other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Tiny
from tests.registry.samples import artifact
from zcc.runtime import manifest_rules
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.expansion import check_expansion
from zcc.runtime.frame import FORMATS
from zcc.runtime.manifest import FileEntry, Manifest, Measurement, Run, checked, read_figures


@pytest.fixture
def raw(tmp_path: Path) -> dict[str, Any]:
    """A sound manifest, as JSON."""
    figures = (Measurement("latency_ms", 5.0, "median"),)
    document: dict[str, Any] = json.loads(artifact(tmp_path / "a", measured=figures)[1].to_json())
    return document


def changed(raw: dict[str, Any], path: str, value: Any) -> str:
    """The manifest with one value changed, `head.shape.0` say."""
    *way, last = path.split(".")
    inner: Any = raw
    for step in way:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[int(last) if isinstance(inner, list) else last] = value
    return json.dumps(raw)


def test_the_rules_are_those_of_the_fields() -> None:
    named = {field.name for field in dataclasses.fields(Manifest)}
    assert manifest_rules.REQUIRED.keys() | manifest_rules.OPTIONAL.keys() == named
    assert not manifest_rules.REQUIRED.keys() & manifest_rules.OPTIONAL.keys()
    assert set(manifest_rules.FORMATS) == FORMATS.keys()


def test_what_the_compiler_makes_keeps_to_them(tiny_artifact: Tiny) -> None:
    manifest = Manifest.read(tiny_artifact.folder)
    assert checked(manifest).digest == manifest.digest
    check_expansion(manifest)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("target", 5, "target: 5 is no text"),
        ("target", "x\x1b[31m", "target: 'x\\x1b[31m' is not fit to be printed"),
        ("target", "x" * 129, "not 1 to 128 characters"),
        ("name", "../up", "name: '../up' is not of its form"),
        ("dtype", "", "dtype"),
        ("created", "yesterday at noon", "is no moment"),
        ("created", 7, "created"),
        ("schema", True, "schema"),
        ("schema", 1.0, "schema"),
        ("input.height", -1, "input.height: -1 is not a whole number from 1 to 8192"),
        ("input.width", 60_000, "input.width"),
        ("input.width", 640.0, "input.width"),
        ("input.width", True, "input.width"),
        ("input.color", "cmyk", "input.color: 'cmyk' is not bgr or rgb"),
        ("input.depth", 3, "input has an unknown field 'depth'"),
        ("head.max_det", 10**9, "head.max_det"),
        ("head.shape", [1, 6, 10**18], "head.shape[2]"),
        ("head.shape", "168400", "head.shape"),
        ("head.shape", [8400] * 4, "puts out"),
        ("head.candidates", 99, "99 candidates"),
        ("head.classes", 80, "2 classes, its head has 80"),
        ("classes", ["disc"], "1 classes, its head has 2"),
        ("classes", ["disc", "\x9b31m"], "classes[1]"),
        ("classes", ["disc", "\u202egnp"], "classes[1]"),
        ("classes", ["disc", "\ud800"], "classes[1]"),
        ("classes", ["disc", 7], "classes[1]: 7 is no text"),
        ("classes", {"0": "disc", "1": "star"}, "classes"),
        ("requires.features", ["avx", None], "requires.features[1]"),
        ("files", [], "files"),
        ("files.0.size", -1, "files[0].size"),
        ("files.0.size", 1 << 60, "files[0].size"),
        ("files.0.path", "../x", "names the file '../x'"),
        ("files.0.path", "weights.bin", "twice"),
        ("files.0.path", "weights.bin/x", "inside a file"),
        ("files.0.path", "meta.json", "names the file"),
        ("files.0.path", "x\ny", "files[0].path"),
        ("workspace.detect", -1, "workspace.detect"),
        ("workspace.detect", 1 << 62, "workspace.detect"),
        ("workspace.thread", 1 << 40, "workspace.thread"),
        ("workspace", {"detect": 1}, "workspace: 'network' is missing"),
        ("workspace.sideways", 1, "workspace has an unknown field 'sideways'"),
        ("formats", ["bgr", "cmyk"], "formats[1]"),
        ("versions", {"zcc": None}, "versions.zcc"),
        ("model_sha256", "0" * 63, "model_sha256"),
        ("kernels", {}, "kernels: 'calls' is missing"),
        ("kernels.threads", 0, "kernels.threads"),
        ("kernels.calls", [{"kernel": "conv"}], "kernels.calls[0]"),
        ("precision", {"layers": {"float32": ["\x07"]}}, "precision.layers.float32[0]"),
        ("precision", [], "precision"),
        ("expansion", [["same"]], "expansion[0]"),
        ("expansion", [{"kind": "same", "size": -1}], "expansion[0].size"),
        ("stages", [{"name": "build", "seconds": -1, "peak_mb": 1}], "stages[0].seconds"),
        ("measured.0.value", "5", "measured[0].value"),
        ("measured.0.value", 10**60, "measured[0].value"),
        ("measured.0.value", -1.0, "'latency_ms'"),
        ("measured.0.how", None, "measured[0].how"),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(raw: dict[str, Any], path: str, value: Any, told: str) -> None:
    with pytest.raises(CorruptArtifact) as caught:
        Manifest.from_json(changed(raw, path, value))
    assert told in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(raw: dict[str, Any], word: str) -> None:
    text = json.dumps(raw).replace('"value": 5.0', f'"value": {word}')
    with pytest.raises(CorruptArtifact, match="number"):
        Manifest.from_json(text)


def test_a_field_that_is_there_twice_is_refused(raw: dict[str, Any]) -> None:
    text = json.dumps(raw).replace('"dtype": "fp32"', '"dtype": "fp32", "dtype": "int8"')
    with pytest.raises(CorruptArtifact, match="'dtype' is there twice"):
        Manifest.from_json(text)


def test_a_manifest_has_a_length_and_a_depth(raw: dict[str, Any]) -> None:
    with pytest.raises(CorruptArtifact, match="characters"):
        Manifest.from_json(json.dumps(raw) + " " * (5 << 20))
    for depth in (10, 5000):
        nested: Any = 1
        text = json.dumps({**raw, "precision": {"deep": "HERE"}})
        nested = "[" * depth + "1" + "]" * depth
        with pytest.raises(CorruptArtifact, match=r"too deep|RecursionError"):
            Manifest.from_json(text.replace('"HERE"', nested))


def test_class_names_may_be_in_any_script(raw: dict[str, Any]) -> None:
    names = ["Fußgänger 👨\u200d👩\u200d👧", "車"]
    assert Manifest.from_json(changed(raw, "classes", names)).classes == tuple(names)


@pytest.mark.parametrize(
    "runs",
    [
        (Run("unheard of", 20_000),),
        (Run("same", 19_999),),
        (Run("half", 1), Run("same", 19_999)),
        (Run("winograd", 20_000, {"points": [1.0], "blocks": 0, "shape": [1, 1, 16, 16]}),),
    ],
)
def test_runs_of_weights_that_cannot_be_are_refused(tmp_path: Path, runs: tuple[Run, ...]) -> None:
    _, manifest = artifact(tmp_path / "a", expansion=runs)
    with pytest.raises(CorruptArtifact, match="weights"):
        check_expansion(checked(manifest))


@pytest.mark.parametrize(
    "changes",
    [
        {"measured": (Measurement("x", float("nan"), "y"),)},
        {"classes": ("a", "\ud800")},
        {"files": (FileEntry("x", "0" * 64, -1),)},
        {"workspace": {"detect": 0.5, "network": 1}},
    ],
)
def test_what_was_made_here_is_held_to_them_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptArtifact, match="manifest of yolo"):
        checked(artifact(tmp_path / "a", **changes)[1])


@pytest.mark.parametrize(
    "figures",
    [
        None,
        {},
        [7],
        [{"metric": "latency_ms", "value": float("nan"), "how": "x"}],
        [{"metric": "map50_95", "value": 1.5, "how": "x"}],
        [{"metric": "latency_ms", "value": "5", "how": "x"}],
        [{"metric": "latency_ms", "value": 5.0, "how": "\x1b]0;title\x07"}],
        [{"metric": "latency_ms", "value": 5.0}],
    ],
)
def test_figures_beside_a_manifest_are_held_to_the_same(figures: Any) -> None:
    with pytest.raises(CorruptArtifact, match="no figure"):
        read_figures(figures, "somewhere")


@pytest.mark.parametrize("text", [None, {}, [], 7, b"{}"])
def test_what_is_no_text_is_no_manifest(text: Any) -> None:
    with pytest.raises(CorruptArtifact, match="it is no text"):
        Manifest.from_json(text)
