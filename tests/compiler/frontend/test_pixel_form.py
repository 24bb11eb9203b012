"""A model that takes other pixels than RGB in 0..1 gives the same once it is made to take those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests import onnx_models
from tests.compiler.frontend.test_load import run
from tests.onnx_models.tasks import build_task
from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators
from zcc.runtime.errors import ModelError

PHOTOS = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
RGB = np.random.default_rng(2).random((1, 3, 64, 64), np.float32)


def ready(proto: onnx.ModelProto, folder: Path, **pixels: Any) -> Model:
    """The model that the front end makes of a proto."""
    onnx.save(proto, str(folder / "model.onnx"))
    return prepare(folder / "model.onnx", None, None, supported_operators(), pixels)


def as_told(mean: Any = (0, 0, 0), std: Any = (1, 1, 1), white: float = 1, order: str = "rgb") -> Any:
    """The pixels as the file takes them."""
    image = RGB[:, ::-1] if order == "bgr" else RGB
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (mean, std))
    return np.ascontiguousarray((image * np.float32(white) - mean) / std, np.float32)


@pytest.mark.parametrize(
    ("pixels", "added"),
    [
        (PHOTOS, 1),
        ({"white": 255.0, "order": "bgr"}, 0),
        ({"mean": (103.5, 116.3, 123.7), "std": (57.4, 57.1, 58.4), "white": 255.0, "order": "bgr"}, 1),
    ],
)
def test_the_same_comes_of_usual_pixels(pixels: dict[str, Any], added: int, tmp_path: Path) -> None:
    proto = build_task("classify")
    model = ready(proto, tmp_path, **pixels)
    expected = run(proto, as_told(**pixels), "output0")
    np.testing.assert_allclose(run(model.proto, RGB, "output0"), expected, rtol=1e-4, atol=1e-6)
    convolutions = [sum(node.op_type == "Conv" for node in each.graph.node) for each in (proto, model.proto)]
    assert convolutions[1] - convolutions[0] == added, "without a mean, weights alone change"
    assert model.pixels["order"] == pixels.get("order", "rgb") and "pixels are taken as" in model.notes[0]


@pytest.mark.parametrize("white", [1, 255])
def test_the_metadata_says_it(white: float, tmp_path: Path) -> None:
    stated = {name: [value * white for value in values] for name, values in PHOTOS.items()}
    proto = onnx_models.with_metadata(build_task("classify"), **{name: str(each) for name, each in stated.items()})
    model = ready(proto, tmp_path)
    expected = run(proto, as_told(**stated, white=white), "output0")
    np.testing.assert_allclose(run(model.proto, RGB, "output0"), expected, rtol=1e-4, atol=1e-6)
    asked = ready(proto, tmp_path, mean=(0.5, 0.5, 0.5))
    expected = run(proto, as_told((0.5, 0.5, 0.5)), "output0")
    np.testing.assert_allclose(run(asked.proto, RGB, "output0"), expected, rtol=1e-4, atol=1e-6, err_msg="asked first")


@pytest.mark.parametrize(
    ("stated", "seen"),
    [
        ({"mean": "[0.5, 0.5]"}, "no list of three numbers"),
        ({"std": "[1, 0, 1]"}, "the std"),
        ({"mean": "[0.485, 0.456, 0.406]", "std": "[58, 57, 57]"}, "not in the same units"),
    ],
)
def test_what_cannot_be_meant_is_refused(stated: dict[str, str], seen: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=seen):
        ready(onnx_models.with_metadata(build_task("classify"), **stated), tmp_path)


def test_usual_pixels_need_nothing(tmp_path: Path) -> None:
    proto = onnx_models.with_metadata(build_task("classify"), mean="[0, 0, 0]", std="[1, 1, 1]")
    model = ready(proto, tmp_path)
    assert not model.pixels and not model.notes
