"""A model as the compiler's middle takes it up: what all variants of one model share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from tvm import ir

from zcc.compiler.backends.cpu.layout.identity import network_key
from zcc.compiler.backends.cpu.layout.layout import Layout
from zcc.compiler.backends.cpu.program.emit import Frame
from zcc.compiler.backends.cpu.program.raw_source import raw_source
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.outputs import inner_maps, with_outputs
from zcc.compiler.frontend.raw_head import RawHead, find_raw_head, with_maps
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.known_decode import decode_known
from zcc.compiler.importing.read import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Conv, Network
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.model_scales import carry
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class Imported:
    """An imported model, and how frames go into and out of it."""

    model: Model
    raw: RawHead | None
    module: ir.IRModule
    quantised: tuple[str, ...]  # names in the model of the maps that are the module's last outputs
    input: InputSpec
    max_det: int

    def network(self) -> Network:
        """The network, fused, made anew: whoever gets it may change it. Names of tensors are the same every time."""
        return fuse(decode_known(self._read()[0], self.raw, self.model.head.candidates_last))

    @cached_property
    def key(self) -> str:
        """The structural hash that tells the network from others, whatever its weights are."""
        return network_key(self.network())

    @property
    def description(self) -> str:
        """What people tell the network by."""
        model = self.model
        convolutions = sum(isinstance(op, Conv) for op in self.network().ops)
        shape = "x".join(map(str, model.head.shape))
        return f"{model.head.family} {model.width}x{model.height}, {convolutions} convolutions, output {shape}"

    @cached_property
    def calibration(self) -> Calibration | None:
        """The one that the file brings along, None where it brings none that integers could be computed by."""
        network, maps = self._read()
        scales = self.model.quantisations
        known = {tensor.name: scales[name] for name, tensor in zip(self.quantised, maps, strict=True)}
        if self.model.input in scales:
            known[network.image.name] = scales[self.model.input]
        return carry(fuse(network), known) if known else None

    def _read(self) -> tuple[Network, list[Tensor]]:
        """The network, and the maps that the file had quantised."""
        network = read_network(self.module)
        own = len(network.maps) - len(self.quantised)
        return replace(network, maps=network.maps[:own]), network.maps[own:]

    def frame_of(self, layout: Layout) -> Frame:
        """What surrounds a network that was laid out so."""
        source = raw_source(self.raw, layout) if self.raw else self.model.head
        return Frame(self.input, source, self.max_det, self.model.head.suppression)


def import_model(model: Model, spec: InputSpec, max_det: int) -> Imported:
    """Take a checked model up: find the maps its head is decoded from, and read it into Relax."""
    raw = find_raw_head(model)
    proto = with_maps(model.proto, raw) if raw else model.proto
    # Names do not outlive the import; the order of the outputs does.
    quantised = tuple(name for name in inner_maps(proto) if name in model.quantisations)
    module = import_proto(with_outputs(proto, quantised) if quantised else proto)
    return Imported(model, raw, module, quantised, spec, max_det)
