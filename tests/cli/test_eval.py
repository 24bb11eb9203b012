"""zcc eval: the accuracy of a compiled artifact is that of ONNX Runtime on the same file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES
from examples.shapes.reference import ReferenceDetector
from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc import sample
from zcc.compiler.quality.dataset import load_dataset
from zcc.compiler.quality.evaluate import evaluate

SEED = 606_060


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=16, seed=SEED)
    return folder


def test_the_figures_are_those_of_onnx_runtime(demo: Demo, data: Path) -> None:
    done = run_zcc("eval", "shapes", "--data", data, "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    expected = evaluate(ReferenceDetector(sample.MODEL), load_dataset(data))
    assert document["map50"] == pytest.approx(expected.map50, abs=0.005)
    assert document["map50_95"] == pytest.approx(expected.map50_95, abs=0.005)
    assert set(document["classes"]) == set(CLASSES)
    assert document["images"] == 16
    assert document["digest"].startswith("sha256:")


def test_the_table_has_a_row_for_each_class(demo: Demo, data: Path) -> None:
    done = call_zcc("eval", "shapes", "--data", data, "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    rows = {line[: len("all classes")].strip() for line in done.stdout.splitlines()}
    assert {"all classes", *CLASSES} <= rows


def test_a_folder_without_labels_is_one_line(demo: Demo, tmp_path: Path) -> None:
    done = call_zcc("eval", "shapes", "--data", tmp_path, "--registry", demo.registry)
    assert_one_line(done, 1, str(tmp_path), "is not a labelled folder", "images/ and labels/")


def test_a_class_the_model_does_not_know_is_one_line(demo: Demo, tmp_path: Path) -> None:
    write_scenes(tmp_path, count=4, seed=SEED)
    (tmp_path / "classes.txt").write_text("\n".join(["blob", *CLASSES[1:]]))
    done = call_zcc("eval", "shapes", "--data", tmp_path, "--registry", demo.registry)
    assert_one_line(done, 1, "'blob'", "the model does not have", "circle, ring")


def eval_document(*arguments: str | Path) -> dict[str, Any]:
    done = call_zcc("eval", "shapes", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def listed(registry: str, dtype: str) -> dict[str, float]:
    """The latest figure of each metric, as `zcc list` knows it."""
    artifacts = json.loads(call_zcc("list", "--json", "--registry", registry).stdout)
    return {
        figure["metric"]: figure["value"]
        for artifact in artifacts
        if artifact["dtype"] == dtype
        for figure in artifact["measured"]
    }


def test_beside_another_variant_it_tells_what_changes_and_records_it(variants: str, data: Path) -> None:
    place = ("--data", data, "--registry", variants)
    alone = eval_document("--dtype", "fp32", *place)
    beside = eval_document("--dtype", "fp16", "--against", "shapes", "--against-dtype", "fp32", *place)
    assert beside["against"]["digest"] == alone["digest"]
    assert (beside["truth"], beside["reference_map50_95"]) == ("labels", alone["map50_95"])
    assert beside["drop_map50_95"] == pytest.approx(100 * (alone["map50_95"] - beside["map50_95"]))
    assert beside["class_changes"] == {
        name: pytest.approx(100 * (figure["map50_95"] - alone["classes"][name]["map50_95"]))
        for name, figure in beside["classes"].items()
    }
    assert beside["drift"]["matched"] > 50
    assert 0 < beside["drift"]["mean"] < beside["drift"]["p95"] < 0.5
    assert alone["recorded"] and beside["recorded"]
    assert listed(variants, "fp32")["map50_95"] == alone["map50_95"]
    recorded = listed(variants, "fp16")
    assert recorded["map50_95"] == beside["map50_95"]
    assert recorded["drift_mean"] == beside["drift"]["mean"]
    assert f"{beside['map50_95']:.3f}" in run_zcc("list", "--registry", variants, COLUMNS="200").stdout


def test_without_labels_it_is_agreement_and_marked_so(variants: str, data: Path) -> None:
    place = ("--data", data / "images", "--registry", variants)
    beside = eval_document("--dtype", "fp16", "--against", "shapes", "--against-dtype", "fp32", *place)
    assert beside["truth"] == "detections of the reference"
    assert beside["reference_map50_95"] == pytest.approx(1.0)
    assert 0.3 < beside["map50_95"] < 1
    assert listed(variants, "fp16")["agreement50_95"] == beside["map50_95"]


def test_an_artifact_without_a_registry_is_measured_and_leaves_none(demo: Demo, data: Path, tmp_path: Path) -> None:
    [artifact] = json.loads(call_zcc("list", "--json", "--registry", demo.registry).stdout)
    done = call_zcc("eval", artifact["folder"], "--data", data, "--json", "--registry", tmp_path / "none")
    assert done.returncode == 0, done.stderr
    assert not json.loads(done.stdout)["recorded"]
    assert not (tmp_path / "none").exists()


def test_a_dtype_for_nothing_is_one_line(demo: Demo, data: Path) -> None:
    done = call_zcc("eval", "shapes", "--data", data, "--against-dtype", "fp32", "--registry", demo.registry)
    assert_one_line(done, 2, "--against REF2")


def test_the_data_must_be_named(demo: Demo) -> None:
    assert_one_line(call_zcc("eval", "shapes", "--registry", demo.registry), 2, "--data")


@pytest.fixture
def reordered(data: Path, tmp_path: Path) -> Path:
    """The same scenes with their classes the other way round in the labels; `data.yaml` says so."""
    folder = tmp_path / "reordered"
    shutil.copytree(data, folder)
    (folder / "classes.txt").unlink()
    names = list(reversed(CLASSES))
    for path in (folder / "labels").glob("*.txt"):
        rows = [line.split() for line in path.read_text().splitlines()]
        lines = [" ".join([str(names.index(CLASSES[int(row[0])])), *row[1:]]) for row in rows]
        path.write_text("\n".join(lines))
    rows = [f"  {number}: '{name}'  # a class" for number, name in enumerate(names)]
    (folder / "data.yaml").write_text("\n".join(["path: .", "names:", *rows, f"nc: {len(names)}"]))
    return folder


def test_classes_are_matched_by_the_names_of_a_yaml_file(demo: Demo, data: Path, reordered: Path) -> None:
    place = ("--registry", demo.registry)
    usual, again = (eval_document("--data", folder, *place) for folder in (data, reordered))
    assert again["map50_95"] == usual["map50_95"] > 0.5
    assert usual["warnings"] == again["warnings"] == []


def test_another_order_is_noticed_where_nothing_names_the_classes(demo: Demo, reordered: Path) -> None:
    (reordered / "data.yaml").unlink()
    done = call_zcc("eval", "shapes", "--data", reordered, "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["map50_95"] < 0.3
    assumed, doubt = document["warnings"]
    assert "does not name its classes" in assumed
    assert "number their classes in another order" in doubt and f"{CLASSES[0]} meant {CLASSES[-1]}" in doubt
    assert [f"warning: {each}" in done.stderr for each in document["warnings"]] == [True, True]
