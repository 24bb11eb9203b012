"""What KServe's clients get of every task: the result's own numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.registry.samples import artifact
from zcc.runtime.manifest import Manifest, TaskInfo
from zcc.runtime.tasks.classification import Classification
from zcc.runtime.tasks.masks import Masks, Segments
from zcc.runtime.tasks.poses import Poses
from zcc.runtime.tasks.rotated import RotatedDetections
from zcc.web.serve import kserve
from zcc.web.serve.refusals import Refusal

FRAME = {"inputs": [{"name": "frame", "datatype": "UINT8", "shape": [1, 1, 3], "data": [1, 2, 3]}]}
RNG = np.random.default_rng(0)
BITMAP = np.array([[True, False, True], [False, True, True]])
FOUND = (np.float32([[1, 2, 4, 4]]), np.float32([0.5]), np.int32([1]), 0.1)
RESULTS: dict[str, tuple[TaskInfo, Any, str]] = {
    "pose": (TaskInfo("pose", 6, (2, 3)), Poses(*FOUND, RNG.random((1, 2, 3), np.float32)), "keypoints"),
    "obb": (TaskInfo("obb", 5), RotatedDetections(*FOUND, RNG.random((1, 5), np.float32)), "rotated"),
}


def manifest_of(folder: Path, task: TaskInfo) -> Manifest:
    return replace(artifact(folder / "a", classes=("one", "two", "three"))[1], task=task)


def answered(manifest: Manifest, found: Any, **asked: Any) -> dict[str, Any]:
    """The outputs of an answer, by their names."""
    wanted = kserve.read_request(json.dumps({**FRAME, **asked}).encode(), None, 1 << 20, manifest)
    content, length = kserve.answer(wanted, manifest, found)
    head = json.loads(content[:length])
    stated = {
        each["name"]: (each["datatype"], each["shape"]) for each in kserve.metadata(manifest, ["fp32"])["outputs"]
    }
    for each in head["outputs"]:
        datatype, shape = stated[each["name"]]
        assert each["datatype"] == datatype and len(shape) == len(each["shape"])
        assert all(one in (-1, other) for one, other in zip(shape, each["shape"], strict=True))
    return {each["name"]: each for each in head["outputs"]} | {"behind": content[length:] if length else b""}


@pytest.mark.parametrize("task", RESULTS)
def test_numbers_of_a_task(task: str, tmp_path: Path) -> None:
    info, found, name = RESULTS[task]
    got = answered(manifest_of(tmp_path, info), found)
    np.testing.assert_array_equal(np.float32(got[name]["data"]), getattr(found, name).ravel())
    assert got["classes"]["data"] == [1]


def test_probabilities(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, TaskInfo("classify"))
    likely = RNG.dirichlet(np.ones(len(manifest.classes))).astype(np.float32)
    got = answered(manifest, Classification(likely, 0.0), parameters={"binary_data_output": True})
    np.testing.assert_array_equal(np.frombuffer(got["behind"], np.float32), likely)
    with pytest.raises(Refusal, match="are probabilities, not 'boxes'"):
        answered(manifest, None, outputs=[{"name": "boxes"}])


@pytest.mark.parametrize("binary", [False, True])
def test_masks_go_as_run_lengths(binary: bool, tmp_path: Path) -> None:
    masks = Masks((8, 9), np.int32([[1, 2, 4, 4]]), lambda numbers: [BITMAP for _ in numbers])
    found = Segments(*FOUND, masks)
    asked = {"outputs": [{"name": "masks", "parameters": {"binary_data": binary}}]}
    got = answered(manifest_of(tmp_path, TaskInfo("segment", 32, (32, 2, 2))), found, **asked)
    length = int.from_bytes(got["behind"][:4], "little")
    text = got["behind"][4 : 4 + length] if binary else got["masks"]["data"][0]
    assert json.loads(text) == masks.rle(0)
