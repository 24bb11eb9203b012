"""Files that are no ONNX models are told apart by what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import external_data_helper

from tests import onnx_models
from zcc.compiler.frontend.read_file import read_model
from zcc.runtime.errors import ModelError


def content() -> bytes:
    return onnx_models.build("yolov8").SerializeToString()


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"this is no model\n" * 40, "not an ONNX file|holds no ONNX graph"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(400), "not an ONNX file|holds no ONNX graph"),
    "zeros": (lambda: bytes(1000), "not an ONNX file|holds no ONNX graph"),
    "half": (lambda: content()[: len(content()) // 2], "cut short"),
    "all but a byte": (lambda: content()[:-1], "cut short"),
    "no graph": (lambda: onnx.ModelProto(ir_version=8).SerializeToString(), "holds no ONNX graph"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_bytes_that_are_no_model(kind: str, tmp_path: Path) -> None:
    make, message = WRONG[kind]
    path = tmp_path / "model.onnx"
    path.write_bytes(make())
    with pytest.raises(ModelError, match=message):
        read_model(path)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_model(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="Is a directory"):
        read_model(tmp_path)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", ".", "sub/../../weights.bin"])
def test_external_data_outside_the_folder_are_refused(location: str, tmp_path: Path) -> None:
    proto = onnx_models.build("yolov8")
    external_data_helper.set_external_data(proto.graph.initializer[0], location)
    proto.graph.initializer[0].ClearField("raw_data")
    path = tmp_path / "inner" / "model.onnx"
    path.parent.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match="outside its folder"):
        read_model(path)


def test_external_data_that_end_too_early_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx_models.save_with_external_data(onnx_models.build("yolov8"), path)
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(ModelError, match="external data do not fit"):
        read_model(path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "zeros"])
def test_what_would_be_waited_for_or_never_end_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "trap.onnx")
    with pytest.raises(ModelError, match="it is no regular file"):
        read_model(tmp_path / "trap.onnx")
    model = onnx_models.build("yolov8")
    external_data_helper.convert_model_to_external_data(model, location="weights", size_threshold=0)
    (tmp_path / "model.onnx").write_bytes(b"")
    onnx.save(model, tmp_path / "model.onnx")
    (tmp_path / "weights").unlink()
    make(tmp_path / "weights")
    with pytest.raises(ModelError, match=r"keeps weights (in weights, which cannot be read|outside its folder)"):
        read_model(tmp_path / "model.onnx")


def test_a_file_of_more_than_a_message_holds_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.onnx").open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(ModelError, match=r"more than 2 GB.*external data"):
        read_model(tmp_path / "sparse.onnx")
