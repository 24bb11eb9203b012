"""Which nodes of the ONNX file a kernel stands for, found by the tensor that it makes.

The importer gives its variables names of its own, the same for the same nodes. Asked for every value as an output, it
tells which variable is which value; the values that other kernels make are where a kernel's own nodes end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from zcc.compiler.frontend.find_raw_head import with_maps
from zcc.compiler.importing.imported import Imported
from zcc.compiler.importing.relax_module import read_proto

BORDER = "border of "


def nodes_of(source: Imported, made: Sequence[str]) -> dict[str, list[str]]:
    """By each of the names of what kernels make, the names of the nodes that make it, in the file's order."""
    proto = with_maps(source.model.proto, source.raw) if source.raw else source.model.proto
    values = value_names(proto)
    known = {name: values[name.removeprefix(BORDER)] for name in made if name.removeprefix(BORDER) in values}
    ends = frozenset(value for name, value in known.items() if not name.startswith(BORDER))
    # The decoding that the maps are cut off from is in the whole file alone.
    found = _Walk(source.model.proto, ends)
    return {name: found.behind(known[name]) if name in known else [] for name in made}


def value_names(proto: onnx.ModelProto) -> dict[str, str]:
    """The value of the file that each variable of the importer's stands for."""
    every = onnx.ModelProto()
    every.CopyFrom(proto)
    names = [name for node in proto.graph.node if node.op_type != "Constant" for name in node.output if name]
    del every.graph.output[:]
    every.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    function = read_proto(every)["main"]
    outputs = function.body.blocks[-1].bindings[-1].value.fields
    return {str(variable): name for variable, name in zip(outputs, names, strict=True)}


class _Walk:
    """A graph that is walked from values to what they are made of."""

    def __init__(self, proto: onnx.ModelProto, ends: Collection[str]) -> None:
        self._nodes = [node for node in proto.graph.node if node.op_type != "Constant"]
        self._makers: Mapping[str, int] = {name: at for at, node in enumerate(self._nodes) for name in node.output}
        self._ends = ends

    def behind(self, value: str) -> list[str]:
        """The nodes between the value and those that other kernels make."""
        found: set[int] = set()
        pending = [value]
        while pending:
            at = self._makers.get(pending.pop())
            if at is None or at in found:
                continue
            found.add(at)
            pending += [name for name in self._nodes[at].input if name not in self._ends]
        return [_name(self._nodes[at]) for at in sorted(found)]


def _name(node: onnx.NodeProto) -> str:
    return node.name or f"{node.op_type} of {node.output[0]}"
