"""Models that other tools quantised: pairs of QuantizeLinear and DequantizeLinear around operators on floats.

The pairs are taken out, so that all that follows sees a float model, and what they say about the maps is kept. Weights
become the floats that their integers stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import numpy_helper

from zcc.compiler.frontend.nonnegative import is_nonnegative
from zcc.compiler.frontend.operators import label
from zcc.compiler.frontend.prune import inputs_of
from zcc.compiler.frontend.rounding import Array, Rounding, read_rounding
from zcc.compiler.ir.quantisation import Quantisation
from zcc.runtime.errors import ModelError

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
PAIR = (QUANTIZE, DEQUANTIZE)
# Operators that compute on integers, or find their scales anew for every picture; further ones are a vendor's.
ON_INTEGERS = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"})
VENDOR = "com.microsoft"
VENDOR_PREFIXES = ("QLinear", "QGemm", "QAttention", *PAIR)
REMEDY = "quantise it in ONNX's QDQ format: pairs of QuantizeLinear and DequantizeLinear around float operators"

Quantisations = dict[str, Quantisation]


def refuse_integer_operators(proto: onnx.ModelProto) -> None:
    """Raise a ModelError that names the first operator which works on integers itself, if there is one."""
    for node in proto.graph.node:
        vendors = node.domain == VENDOR and node.op_type.startswith(VENDOR_PREFIXES)
        if vendors or node.op_type in ON_INTEGERS:
            kind = f"{node.domain}::{node.op_type}" if vendors else node.op_type
            raise ModelError(f"the model is quantised with operators of another kind: {kind} ({label(node)!r})", REMEDY)


def take_out(proto: onnx.ModelProto) -> tuple[onnx.ModelProto, Quantisations]:
    """The float model, and by their names what the bytes of its quantised maps stand for."""
    if not any(node.op_type in PAIR for node in proto.graph.node):
        return proto, {}
    taken = _Pairs(proto)
    for node in proto.graph.node:
        taken.add(node)
    return taken.model(), taken.maps


@dataclass
class _Pairs:
    """Goes through the nodes in order; what stays of the graph is in `nodes` and `weights`."""

    proto: onnx.ModelProto
    constants: dict[str, Array] = field(default_factory=dict)
    rounded: dict[str, tuple[str, Rounding]] = field(default_factory=dict)  # by bytes: the map, and how it was rounded
    nonnegative: set[str] = field(default_factory=set)
    maps: Quantisations = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tensor in self.proto.graph.initializer:
            self.know(tensor.name, _values(tensor))
        # Pixels.
        self.nonnegative.update(value.name for value in self.proto.graph.input if value.name not in self.constants)

    def add(self, node: onnx.NodeProto) -> None:
        """Take the node up, or what stays of it."""
        if node.op_type in PAIR:
            self.add_half(node)
            return
        self.refuse_bytes(inputs_of(node), f"{node.op_type} ({label(node)!r})")
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            self.know(node.output[0], _values(node.attribute[0].t))
        if node.op_type == "Identity" and node.input[0] in self.constants:
            self.know(node.output[0], self.constants[node.input[0]])
        if is_nonnegative(node, self.nonnegative):
            self.nonnegative.update(node.output)
        self.nodes.append(node)

    def add_half(self, node: onnx.NodeProto) -> None:
        """One half of a pair."""
        rounding, source, out = read_rounding(node, self.constants), node.input[0], node.output[0]
        if source in self.constants:
            made = rounding.quantised if node.op_type == QUANTIZE else rounding.dequantised
            self.know(out, made(self.constants[source]))
            self.weights.append(numpy_helper.from_array(self.constants[out], out))
        elif node.op_type == QUANTIZE:
            self.refuse_bytes({source}, rounding.name)
            self.rounded[out] = source, rounding
        else:
            self.close(rounding, source, out)

    def close(self, rounding: Rounding, source: str, out: str) -> None:
        """A pair whose second half is here."""
        if source not in self.rounded:
            raise ModelError(f"{rounding.name} reads {source!r}, which no {QUANTIZE} makes", REMEDY)
        origin, before = self.rounded[source]
        if not rounding.undoes(before):
            raise ModelError(f"{rounding.name} has another scale than the {before.name} before it", REMEDY)
        quantisation = before.of_map()
        # Quantisers take a ReLU or ReLU6 out where the range of the bytes does the same: nothing below, or beyond, it.
        cuts = quantisation.zero_point == 0 and origin not in self.nonnegative
        self.nodes.append(
            self.cut(origin, out, quantisation) if cuts else onnx.helper.make_node("Identity", [origin], [out])
        )
        self.nonnegative.update({out} if quantisation.zero_point == 0 else ())
        self.hold(out if cuts else origin, quantisation)

    def cut(self, origin: str, out: str, quantisation: Quantisation) -> onnx.NodeProto:
        """The map clipped to the range of its bytes."""
        limits = [f"{out}_low", f"{out}_high"]
        for name, value in zip(limits, (quantisation.low, quantisation.high), strict=True):
            self.weights.append(numpy_helper.from_array(np.float32(value), name))
        return onnx.helper.make_node("Clip", [origin, *limits], [out])

    def hold(self, name: str, quantisation: Quantisation) -> None:
        """Note what a map's bytes stand for; where its readers have it rounded differently, the widest range stays."""
        known = self.maps.get(name)
        if known is None or quantisation.scale > known.scale:
            self.maps[name] = quantisation

    def know(self, name: str, values: Array) -> None:
        """Note the values of a constant."""
        self.constants[name] = values
        if values.dtype.kind == "f" and (values >= 0).all():
            self.nonnegative.add(name)

    def refuse_bytes(self, names: set[str], reader: str) -> None:
        """Raise a ModelError when something else than the second half of a pair reads bytes."""
        for name in sorted(names & self.rounded.keys()):
            raise ModelError(f"{reader} reads the bytes that {self.rounded[name][1].name} makes", REMEDY)

    def model(self) -> onnx.ModelProto:
        """The float model."""
        self.refuse_bytes({value.name for value in self.proto.graph.output}, "the model's output")
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        model.graph.ClearField("node")
        model.graph.node.extend(self.nodes)
        model.graph.initializer.extend(self.weights)
        return model


def _values(tensor: onnx.TensorProto) -> Array:
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"weight {tensor.name!r} does not have the size it claims ({error})", "export the model again"
        ) from error
