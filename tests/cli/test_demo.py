"""zcc demo: every step is a command line, and the pictures have boxes on them."""

from __future__ import annotations

import re
import shlex

import numpy as np
from PIL import Image

from tests.cli.conftest import Demo
from tests.cli.process import run_zcc
from zcc import sample


def test_every_step_is_shown_as_a_command_line_that_works(demo: Demo) -> None:
    lines = [shlex.split(line)[2:] for line in demo.done.stdout.splitlines() if line.startswith("$ zcc ")]
    assert [line[0] for line in lines] == ["compile", "list", "run"]
    for line in lines:
        again = run_zcc(*line, cwd=demo.folder, ZCC_REGISTRY="")
        assert again.returncode == 0, again.stderr


def test_the_progress_names_stages_with_their_seconds(demo: Demo) -> None:
    stages = [line for line in demo.done.stderr.splitlines() if re.search(r"\d\.\d s$", line)]
    assert len(stages) >= 3


def test_it_says_what_was_made_and_what_to_try_next(demo: Demo) -> None:
    assert re.search(r"shapes fp32 for \S+, made in \d+\.\d s", demo.done.stdout)
    assert "demo-out" in demo.done.stdout
    assert "zcc compile YOUR-MODEL.onnx" in demo.done.stdout


def test_each_picture_comes_back_with_boxes(demo: Demo) -> None:
    for path in sample.IMAGES:
        given, drawn = (
            np.asarray(Image.open(file).convert("RGB"), int)
            for file in (path, demo.folder / "demo-out" / f"{path.stem}.jpg")
        )
        assert given.shape == drawn.shape
        changed = np.abs(given - drawn).max(axis=2) > 60
        assert 0.002 < changed.mean() < 0.6
