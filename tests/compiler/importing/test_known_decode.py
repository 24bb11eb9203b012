"""The decoding of known heads by kernels of ours, against the file's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler import bare_heads
from tests.compiler.harness import Compiled, compile_network, reference
from tests.compiler.loaded import load_here
from zcc.compiler.frontend.find_raw_head import find_raw_head, with_maps
from zcc.compiler.importing.known_decode import decode_known

GENERIC = ("generic", "unpack", "softmax")


def check(proto: onnx.ModelProto, folder: Path, target: str | None = None) -> Compiled:
    """Compile it and hold what it computes to ONNX Runtime's."""
    path = folder / "model.onnx"
    onnx.save(proto, path)
    model = load_here(path)
    raw = find_raw_head(model)
    assert raw is not None
    last = model.head.candidates_last
    compiled = compile_network(
        with_maps(model.proto, raw), folder, target, lambda network: decode_known(network, raw, last)
    )
    image = np.random.default_rng(8).random((1, 3, model.height, model.width), dtype=np.float32)
    expected = reference(model.proto, image)
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())
    return compiled


def kernels_of(compiled: Compiled, *kinds: str) -> list[str]:
    return [name for name in compiled.kernels if name.startswith(kinds)]


@pytest.mark.parametrize(
    ("classes", "size", "target"),
    [(1, (64, 96), None), (80, (64, 64), None), (13, (96, 32), "x86-64-v3"), (80, (32, 64), "x86-64-v2")],
)
def test_anchors(classes: int, size: tuple[int, int], target: str | None, tmp_path: Path) -> None:
    compiled = check(bare_heads.anchors(classes, size), tmp_path, target)
    assert kernels_of(compiled, "decode_anchors")
    assert not kernels_of(compiled, *GENERIC)


@pytest.mark.parametrize(
    ("classes", "size", "target"),
    [
        (1, (96, 32), None),
        (80, (64, 64), None),  # as many attributes as candidates
        (64, (160, 96), "x86-64-v3"),  # maps of boxes and of scores look alike
        (17, (32, 224), "x86-64-v2"),
    ],
)
def test_distributed(classes: int, size: tuple[int, int], target: str | None, tmp_path: Path) -> None:
    compiled = check(bare_heads.distributed(classes, size), tmp_path, target)
    assert kernels_of(compiled, "decode_distributed")
    assert not kernels_of(compiled, *GENERIC)


def test_rows_of_a_head_without_anchors_are_decoded_as_the_file_does(tmp_path: Path) -> None:
    compiled = check(bare_heads.distributed(80, (64, 64), transposed=True), tmp_path)
    assert not kernels_of(compiled, "decode")
