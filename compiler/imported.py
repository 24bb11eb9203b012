"""A model as the compiler's middle takes it up: what all variants of one model share."""

from __future__ import annotations

from dataclasses import dataclass

from tvm import ir

from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.raw_head import RawHead, find_raw_head, with_maps
from zcc.compiler.network.fuse import fuse
from zcc.compiler.network.ops import Network
from zcc.compiler.network.read import read_network
from zcc.compiler.program.emit import Frame
from zcc.compiler.program.layout import Layout
from zcc.compiler.program.lower import import_proto
from zcc.compiler.program.raw_source import raw_source
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class Imported:
    """An imported model, and how frames go into and out of it."""

    model: Model
    raw: RawHead | None
    module: ir.IRModule
    input: InputSpec
    max_det: int

    def network(self) -> Network:
        """The network, fused, made anew: whoever gets it may change it. Names of tensors are the same every time."""
        return fuse(read_network(self.module))

    def frame_of(self, layout: Layout) -> Frame:
        """What surrounds a network that was laid out so."""
        source = raw_source(self.raw, layout) if self.raw else self.model.head
        return Frame(self.input, source, self.max_det, self.model.head.suppression)


def import_model(model: Model, spec: InputSpec, max_det: int) -> Imported:
    """Take a checked model up: find the maps its head is decoded from, and read it into Relax."""
    raw = find_raw_head(model)
    return Imported(model, raw, import_proto(with_maps(model.proto, raw) if raw else model.proto), spec, max_det)
