"""zcc adapt: a labelled sequence replayed, fitted, stored and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from examples.shapes.generate import write_scenes
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc.compiler.frontend.images import read_image
from zcc.runtime.adaptive import AdaptiveDetector

SEED = 404_040
FRAMES = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sequence")
    write_scenes(folder, count=FRAMES, seed=SEED)
    return folder


def test_always_is_what_eval_says(variants: str, data: Path) -> None:
    arguments = ("--registry", variants, "--data", data, "--json")
    done = run_zcc(
        "adapt", "shapes", "--dtypes", "fp16,fp32", "--turns", "1", "--set", "low=5", "--set", "high=5", *arguments
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    for dtype in ("fp16", "fp32"):
        alone = json.loads(call_zcc("eval", "shapes", "--dtype", dtype, *arguments).stdout)
        told = document["outcomes"][f"always {dtype}"]
        assert (told["map50"], told["map50_95"]) == (alone["map50"], alone["map50_95"])
        assert document["variants"][dtype] == alone["digest"]
        assert told["shares"][dtype] == 1
    policy = document["outcomes"]["policy"]
    assert 0 < policy["shares"]["fp32"] < 1
    assert policy["swaps"] > 0
    assert (document["frames"], document["policy"], document["fitted"]) == (FRAMES, "scene", False)
    settings = document["arguments"]
    assert (settings["low"], settings["high"], settings["quiet"], settings["crowded"]) == (5, 5, "fp16", "fp32")


def test_a_fitted_policy_is_stored_drawn_and_runs(variants: str, data: Path, tmp_path: Path) -> None:
    stored, picture = tmp_path / "policy.json", tmp_path / "curve.svg"
    arguments = ("adapt", "shapes", "--data", data, "--registry", variants, "--turns", "1")
    done = run_zcc(*arguments, "--dtypes", "fp16,fp32", "--fit", "-o", stored, "--plot", picture)
    assert done.returncode == 0, done.stderr
    first, *rows = done.stdout.splitlines()
    assert first.startswith("scene(")
    assert first.endswith(f"on {FRAMES // 2} frames of the second half of {data.name}")
    assert [row[:12].strip() for row in rows[1:5]] == ["always fp16", "always fp32", "policy", "oracle"]
    ElementTree.fromstring(picture.read_text())

    adaptive = AdaptiveDetector.load("shapes", stored, registry=variants)
    for path in sorted((data / "images").iterdir()):
        adaptive(np.ascontiguousarray(read_image(path)))
    assert sum(adaptive.statistics.frames.values()) == FRAMES

    again = call_zcc(*arguments, "--policy", stored, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["arguments"] == json.loads(stored.read_text())["arguments"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--policy", "weather"), 2, ("'weather'", "scene, deadline")),
        (("--policy", "power", "--set", "watts=5"), 2, ("power", "replay one of scene, deadline")),
        (("--set", "hold"), 2, ("'hold' is not NAME=VALUE",)),
        (("--set", "depth=3"), 2, ("scene cannot be made: it has no depth; it can be told low, high, quiet",)),
        (("--set", "depth=3", "--fit"), 2, ("scene cannot be made: it has no depth; it can be told low, high, quiet",)),
        (("--set", "depth=3", "--dtypes", "int4,int2"), 2, ("scene cannot be made: it has no depth",)),
        (("--set", "low=few"), 2, ("scene cannot be made with", "low='few'", "numbers for numbers")),
        (("--policy", "deadline"), 2, ("deadline cannot be made: it needs ms; set ms=VALUE",)),
        (("--dtypes", "fp32"), 2, ("fp32 leaves nothing to choose",)),
        (("--dtypes", "int8,fp32"), 1, ("no such variant", "fp16")),
        (("--lose", "2"), 2, ("--lose",)),
    ],
)
def test_what_cannot_be_replayed_is_one_line(
    variants: str, data: Path, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    dtypes = () if "--dtypes" in options else ("--dtypes", "fp16,fp32")
    done = call_zcc("adapt", "shapes", "--data", data, "--registry", variants, *dtypes, *options)
    assert_one_line(done, code, *words)
