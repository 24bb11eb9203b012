"""Class names are read as exporters write them; what cannot be read is said, not guessed."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import helper

from zcc.compiler.frontend.names import from_metadata, read_class_file
from zcc.runtime.errors import ModelError, UsageError


def model(names: str) -> onnx.ModelProto:
    proto = onnx.ModelProto()
    helper.set_model_props(proto, {"names": names, "stride": "32"})
    return proto


@pytest.mark.parametrize(
    "text",
    [
        "{0: 'cat', 1: 'dog'}",
        "{1: 'dog', 0: 'cat'}",
        "['cat', 'dog']",
        "('cat', 'dog')",
        json.dumps({"0": "cat", "1": "dog"}),
        json.dumps(["cat", "dog"]),
    ],
)
def test_every_way_of_writing(text: str) -> None:
    assert from_metadata(model(text)) == ("cat", "dog")


def test_no_names_are_no_error() -> None:
    assert from_metadata(onnx.ModelProto()) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "{0: 'cat', 2: 'dog'}", "{}", "[]", "7", "__import__('os').getcwd()", "(" * 100_000, "{[]: 1}"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="--classes FILE"):
        from_metadata(model(text))


def test_a_file_of_names(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("  cat\nstop sign\r\nÄffchen\n\n", encoding="utf-8")
    assert read_class_file(path) == ("cat", "stop sign", "Äffchen")


@pytest.mark.parametrize(("content", "message"), [(b"", "line 1"), (b"a\n\nb", "line 2"), (b"\xff\xfe", "cannot")])
def test_files_without_names(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_class_file(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_class_file(tmp_path / "missing.txt")


@pytest.mark.parametrize("name", ["\x1b[31mcat", "cat\u202egod", "x" * 257])
def test_names_that_no_artifact_can_carry_are_told_before_anything_is_built(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no artifact can carry"):
        from_metadata(model(json.dumps(["dog", name])))
    (tmp_path / "names.txt").write_text(f"dog\n{name}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no artifact can carry"):
        read_class_file(tmp_path / "names.txt")
