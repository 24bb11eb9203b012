"""The outline of a file tells what no model can be, without the file being taken into memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data

from tests import onnx_models
from tests.long.bombs import MODELS
from zcc.compiler.frontend.outline import open_model
from zcc.compiler.frontend.read_file import check_model_files
from zcc.runtime.errors import ModelError

MEMORY = 1 << 30  # of addresses, Python's and its libraries' among them


def look(path: Path) -> list[str]:
    """The data files that a model names."""
    with open_model(path) as (file, data_files):
        assert file.tell() == 0
        return data_files


@pytest.mark.parametrize("family", ["yolov5", "yolov8", "yolo11"])
def test_a_model_passes(family: str, tmp_path: Path) -> None:
    onnx.save(onnx_models.build(family), tmp_path / "model.onnx")
    assert look(tmp_path / "model.onnx") == []


@pytest.mark.parametrize("name", MODELS)
def test_bombs_are_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.onnx"
    MODELS[name](path)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from zcc.compiler.frontend.read_file import check_model_files\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
        "try: check_model_files(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__)"
    )
    assert subprocess.check_output([sys.executable, "-c", code, path], text=True).strip() == "ModelError"


def in_an_attribute(tensor: TensorProto) -> onnx.ModelProto:
    """A model whose branch holds a constant."""
    branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "branch", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch)
    return helper.make_model(helper.make_graph([node], "graph", [], []))


def as_weights(tensor: TensorProto) -> onnx.ModelProto:
    """A model with a weight."""
    return helper.make_model(helper.make_graph([], "graph", [], [], [tensor]))


@pytest.mark.parametrize("make", [in_an_attribute, as_weights])
def test_data_files_are_found_wherever_a_tensor_is(
    make: Callable[[TensorProto], onnx.ModelProto], tmp_path: Path
) -> None:
    proto = as_weights(helper.make_tensor("w", TensorProto.FLOAT, [2], b"\0" * 8, raw=True))
    convert_model_to_external_data(proto, location="there", size_threshold=0)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    path = tmp_path / "model.onnx"
    path.write_bytes(make(tensor).SerializeToString())
    assert look(path) == ["there"]
    with pytest.raises(ModelError, match="keeps weights in there, which cannot be read"):
        check_model_files(path)
    tensor.data_location = TensorProto.DEFAULT
    path.write_bytes(make(tensor).SerializeToString())
    assert look(path) == []


def test_what_ends_within_a_field_is_no_model(tmp_path: Path) -> None:
    whole = onnx_models.build("yolov8").SerializeToString()
    path = tmp_path / "model.onnx"
    for end in (1, 5, len(whole) // 3, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelError, match="cut short"):
            look(path)
