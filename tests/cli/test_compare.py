"""zcc compare: two variants side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES
from tests.cli.process import assert_one_line, call_zcc, run_zcc

SEED = 707_070


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=8, seed=SEED)
    return folder


def test_each_side_is_what_eval_and_the_manifest_say(variants: str, data: Path) -> None:
    done = run_zcc(
        "compare", "shapes", "shapes", "--dtype", "fp32,fp16", "--data", data, "--json", "--registry", variants
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    for side, dtype in (("a", "fp32"), ("b", "fp16")):
        told = document[side]
        done = call_zcc("eval", "shapes", "--dtype", dtype, "--data", data, "--json", "--registry", variants)
        alone = json.loads(done.stdout)
        figures = ("digest", "dtype", "map50", "map50_95")
        assert {key: told[key] for key in figures} == {key: alone[key] for key in figures}
        for name, precision in told["classes"].items():
            assert precision.items() <= alone["classes"][name].items()
        shown = call_zcc("show", "shapes", "--dtype", dtype, "--json", "--registry", variants)
        assert told["size"] == json.loads(shown.stdout)["sizes"]["total"]
        assert told["latency_ms"] > 0
    assert document["drop_map50_95"] == pytest.approx(100 * (document["a"]["map50_95"] - document["b"]["map50_95"]))
    assert document["speedup"] == pytest.approx(document["a"]["latency_ms"] / document["b"]["latency_ms"])
    assert (document["truth"], document["images"]) == ("labels", 8)
    assert document["drift"]["matched"] > 10


def test_the_table_shows_both_without_labels_too(variants: str, data: Path) -> None:
    arguments = ("shapes", "shapes", "--dtype", "fp32,fp16", "--data", data / "images", "--registry", variants)
    done = call_zcc("compare", *arguments)
    assert done.returncode == 0, done.stderr
    a, b, truth, *lines = done.stdout.splitlines()
    assert a.startswith("A  shapes fp32") and b.startswith("B  shapes fp16")
    assert truth == "8 pictures of images, what A finds taken for labels"
    rows = {line[:12].strip(): line.split() for line in lines if line}
    assert {"mAP50", "mAP50-95", "latency, ms", "size, MB", "confidence d", "detections:", *CLASSES} <= set(rows)
    assert rows["mAP50-95"][1] == "1.000"
    assert rows["mAP50-95"][-1] == "points"


def test_one_artifact_twice_is_one_line(variants: str, data: Path) -> None:
    done = call_zcc("compare", "shapes", "shapes", "--dtype", "fp32", "--data", data, "--registry", variants)
    assert_one_line(done, 2, "both are the same artifact, shapes fp32", "dtype")


@pytest.mark.parametrize("words", [",", "fp32,", "fp32,fp16,bf16"])
def test_a_pair_is_one_word_or_two(words: str, tmp_path: Path) -> None:
    done = call_zcc("compare", "a", "b", "--dtype", words, "--data", tmp_path, "--registry", tmp_path)
    assert_one_line(done, 2, repr(words), "two with a comma")


def test_pictures_that_differ_come_worst_first_and_are_saved(variants: str, data: Path, tmp_path: Path) -> None:
    arguments = ("shapes", "shapes", "--dtype", "fp32,fp16", "--data", data, "--registry", variants)
    done = call_zcc("compare", *arguments, "--save", tmp_path / "out", "--worst", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    pictures = told["pictures"]
    assert sum(each["lost"] for each in pictures) == told["drift"]["lost"]
    assert sum(each["gained"] for each in pictures) == told["drift"]["gained"]
    assert sum(each["in_both"] for each in pictures) <= told["drift"]["matched"]
    worst = [Path(each["image"]).stem for each in pictures[:2]]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{place:03d}-{stem}.jpg" for place, stem in enumerate(worst, 1)
    ]
    first = Image.open(pictures[0]["image"])
    drawn = Image.open(tmp_path / "out" / f"001-{worst[0]}.jpg")
    assert drawn.width > 2 * first.width and drawn.height > first.height, "both halves, and their titles"
    done = call_zcc("compare", *arguments, "--worst", "1")
    assert f"of 8 pictures differ, the worst first\n{'picture':{len(worst[0]) + 4}}" in done.stdout
    assert f"and {len(pictures) - 1} more" in done.stdout
