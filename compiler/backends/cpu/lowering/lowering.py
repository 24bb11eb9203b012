"""What the templates need to turn operations into kernel calls: where tensors lie, and where constants go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zcc.compiler.backends.common.channels import Channels
from zcc.compiler.backends.cpu.kernels.choices import Choices, Defaults, Tunable
from zcc.compiler.backends.cpu.kernels.spec import Address, VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.layout.place import Placement, Storage, View
from zcc.compiler.backends.cpu.layout.weights import WeightStore, pack_vector
from zcc.compiler.ir.tensors import Activation, Array, Combine, Stage, Tensor


@dataclass
class Lowering:
    """What the templates need to turn operations into kernel calls."""

    placement: Placement
    offsets: dict[Storage, Address]  # where each storage begins
    weights: WeightStore
    unit: VectorUnit
    choices: Choices = field(default_factory=Defaults)

    def tuned(self, spec: Tunable) -> Any:
        """The kernel in the form that records tell, else in the one that its template prefers."""
        choice = self.choices.find(spec)
        return spec.chosen(spec.preferred(self.unit) if choice is None else choice)

    def view(self, tensor: Tensor) -> View:
        """Where the tensor lies."""
        return self.placement.views[tensor]

    def channels(self, tensor: Tensor) -> Channels:
        """The layout of the tensor's channels."""
        return self.placement.channels[tensor]

    def address(self, tensor: Tensor, top: int = 0, left: int = 0) -> Address:
        """The tensor's first pixel, or one in its border."""
        view = self.view(tensor)
        base = self.offsets[view.storage]
        return Address(base.region, base.offset + view.offset(top, left))

    def stages(self, stages: list[Stage], out: Tensor) -> tuple[tuple[StageSpec, ...], list[Address]]:
        """The stages as kernels know them, and the addresses they read."""
        specs: list[StageSpec] = []
        addresses: list[Address] = []
        for stage in stages:
            if isinstance(stage, Activation):
                specs.append(Apply(stage.name, stage.parameters))
            elif isinstance(stage, Combine):
                specs.append(Merge(stage.operator, self.view(stage.other).slab()))
                addresses.append(self.address(stage.other))
            else:
                specs.append(PerChannel(stage.operator, self.channels(out).blocks, self.channels(out).block))
                addresses.append(self.per_channel(stage.values, out))
        return tuple(specs), addresses

    def per_channel(self, values: Array, out: Tensor) -> Address:
        """One value for each lane of a map."""
        channels = self.channels(out)
        return self.weights.add(pack_vector(values, channels.lanes(), channels.block))
