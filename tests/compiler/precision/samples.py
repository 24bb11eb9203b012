"""Small networks with everything that calibration asks for, and what ONNX Runtime says about their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.compiler.loaded import load_here
from tests.compiler.precision.as_onnx import Writer
from tests.onnx_models import build
from tests.ort import session as ort_session
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.observing.observer import FrameOf
from zcc.compiler.backends.cpu.program.emit import FrameSpec
from zcc.compiler.backends.cpu.program.head_readers import read_head
from zcc.compiler.frontend.find_raw_head import find_raw_head, with_maps
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.needed_ops import ops_for
from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class Sample:
    """A detector's network, and how frames go into it."""

    network: Network
    spec: InputSpec
    frame_of: FrameOf

    @property
    def body(self) -> list[Op]:
        """The operations that a frame's detections need."""
        return ops_for(self.network.maps or [self.network.output], self.network.ops)


def sample(folder: Path, family: str, **options: object) -> Sample:
    """A detector of a family whose raw head is known."""
    return sample_of(build(family, **options), folder)


def sample_of(proto: onnx.ModelProto, folder: Path) -> Sample:
    """Any detector whose raw head is known."""
    path = folder / "model.onnx"
    onnx.save(proto, path)
    model = load_here(path)
    raw = find_raw_head(model)
    assert raw is not None
    spec = InputSpec(model.height, model.width)

    def frame_of(layout: Layout) -> FrameSpec:
        return FrameSpec(spec, read_head(raw, layout), 10)

    return Sample(fuse(read_network(import_proto(with_maps(model.proto, raw)))), spec, frame_of)


def frames(count: int, size: tuple[int, int], seed: int = 0) -> list[NDArray[np.uint8]]:
    """Blocky noise of that height and width."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, -(-size[0] // 8), -(-size[1] // 8), 3), np.uint8)
    return list(coarse.repeat(8, axis=1).repeat(8, axis=2)[:, : size[0], : size[1]])


def maps_of(network: Network, ops: Sequence[Op], image: NDArray[np.float32]) -> dict[Tensor, NDArray[np.float32]]:
    """What every map that the operations make holds, as ONNX Runtime computes it."""
    results = [op.out for op in ops]
    writer = Writer()
    proto = writer.graph(network, results, ops)
    session = ort_session(proto.SerializeToString())
    return dict(zip(results, session.run(None, {"image": image}), strict=True))
