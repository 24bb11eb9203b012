"""zcc eval: the accuracy of a compiled artifact is that of ONNX Runtime on the same file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES
from examples.shapes.reference import ReferenceDetector
from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, run_zcc
from zcc import sample
from zcc.compiler.accuracy.dataset import load_dataset
from zcc.compiler.accuracy.evaluate import evaluate

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
    done = run_zcc("eval", "shapes", "--data", data, "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    rows = {line.rsplit(maxsplit=2)[0] for line in done.stdout.splitlines()}
    assert {"all classes", *CLASSES} <= rows


def test_a_folder_without_labels_is_one_line(demo: Demo, tmp_path: Path) -> None:
    done = run_zcc("eval", "shapes", "--data", tmp_path, "--registry", demo.registry)
    assert_one_line(done, 1, str(tmp_path), "is not a labelled folder", "images/ and labels/")


def test_a_class_the_model_does_not_know_is_one_line(demo: Demo, tmp_path: Path) -> None:
    write_scenes(tmp_path, count=4, seed=SEED)
    (tmp_path / "classes.txt").write_text("\n".join(["blob", *CLASSES[1:]]))
    done = run_zcc("eval", "shapes", "--data", tmp_path, "--registry", demo.registry)
    assert_one_line(done, 1, "'blob'", "the model does not have", "circle, ring")


def test_the_data_must_be_named(demo: Demo) -> None:
    assert_one_line(run_zcc("eval", "shapes", "--registry", demo.registry), 2, "--data")
