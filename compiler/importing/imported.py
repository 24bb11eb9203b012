"""A model as the compiler's middle takes it up: what all variants of one model share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tvm import ir

from zcc.compiler.frontend.find_raw_head import find_raw_head, with_maps
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.outputs import inner_maps, with_outputs
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.known_decode import decode_known
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.heads.decoding import RawHead
from zcc.compiler.ir.ops import Conv, Network
from zcc.compiler.ir.quantisation import Quantisation
from zcc.compiler.ir.tensors import Tensor
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

    @property
    def description(self) -> str:
        """The network's name in tables and messages."""
        model = self.model
        convolutions = sum(isinstance(op, Conv) for op in self.network().ops)
        shape = "x".join(map(str, model.head.shape))
        return f"{model.head.family} {model.width}x{model.height}, {convolutions} convolutions, output {shape}"

    def quantisations(self) -> dict[str, Quantisation]:
        """What the file says its maps' bytes stand for, by the names of the fused network's tensors."""
        network, maps = self._read()
        scales = self.model.quantisations
        known = {tensor.name: scales[name] for name, tensor in zip(self.quantised, maps, strict=True)}
        if self.model.input in scales:
            known[network.image.name] = scales[self.model.input]
        return known

    def undecoded(self) -> Network:
        """The fused network with its decoding as the file spells it out."""
        return fuse(self._read()[0])

    def _read(self) -> tuple[Network, list[Tensor]]:
        """The network, and the maps that the file had quantised."""
        network = read_network(self.module)
        maps = list(network.maps)
        prototypes = maps.pop(0) if self.model.prototypes else None
        own = len(maps) - len(self.quantised)
        return replace(network, maps=maps[:own], prototypes=prototypes), maps[own:]


def import_model(model: Model, spec: InputSpec, max_det: int) -> Imported:
    """Take a checked model up: find the maps its head is decoded from, and read it into Relax."""
    raw = find_raw_head(model)
    proto = with_maps(model.proto, raw) if raw else model.proto
    # Names do not outlive the import; the order of the outputs does.
    quantised = tuple(name for name in inner_maps(proto) if name in model.quantisations)
    module = import_proto(with_outputs(proto, quantised) if quantised else proto)
    return Imported(model, raw, module, quantised, spec, max_det)
