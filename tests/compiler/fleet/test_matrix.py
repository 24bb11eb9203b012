"""What a matrix says, and what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.fleet.matrix import Cell, read_matrix
from zcc.runtime.errors import UsageError


def _write(folder: Path, text: str) -> Path:
    (folder / "a.onnx").touch()
    (folder / "b.onnx").touch()
    path = folder / "matrix.toml"
    path.write_text(text)
    return path


def test_models_times_targets_times_dtypes(tmp_path: Path) -> None:
    matrix = read_matrix(
        _write(
            tmp_path,
            """
            targets = ["x86-64-v3", "x86-64-v4"]
            dtypes = ["fp32", "int8"]
            calib = "pictures"
            remote = "oci://h/{name}:v1"
            [[model]]
            path = "a.onnx"
            [[model]]
            path = "b.onnx"
            name = "door"
            targets = ["native"]
            max_drop = 0.3
            imgsz = [480, 640]
            """,
        )
    )
    assert [cell.label for cell in matrix.cells] == [
        *(f"a {dtype} x86-64-{level}" for level in ("v3", "v4") for dtype in ("fp32", "int8")),
        *("door fp32 native", "door int8 native"),
    ]
    assert [len(cells) for cells in matrix.models()] == [4, 2]
    door = matrix.cells[-1].options
    assert (door.model, door.calib) == (tmp_path / "b.onnx", tmp_path / "pictures")
    assert (door.name, door.dtypes, door.target, door.strict) == ("door", ("int8",), "native", True)
    assert (door.max_drop, door.imgsz) == (0.3, (480, 640))
    assert str(matrix.address("Door")) == "oci://h/door:v1"


def test_without_a_word_it_is_fp32_for_this_machine(tmp_path: Path) -> None:
    matrix = read_matrix(_write(tmp_path, '[[model]]\npath = "a.onnx"'))
    assert matrix.cells == (Cell(tmp_path / "a.onnx", "a", "fp32", "native"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 3", "no matrix"),
        ("", "no matrix"),
        ("[[model]]\n", "path"),
        ('[[model]]\npath = "a.onnx"\ncolour = "bgr"', "unknown field"),
        ('[[model]]\npath = "a.onnx"\nmax_drop = nan', "max_drop"),
        ('[[model]]\npath = "c.onnx"', "no file is there"),
        ('[[model]]\npath = "a.onnx"\n[[model]]\npath = "a.onnx"', "asks twice"),
        ("[[model", "no TOML"),
        ('remote = "oci://h/{name}/X:v1"\n[[model]]\npath = "a.onnx"', "no address"),
    ],
)
def test_what_is_no_matrix(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_matrix(_write(tmp_path, text))
