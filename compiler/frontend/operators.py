"""Which ONNX operators the importer can turn into Relax."""

from __future__ import annotations

from collections.abc import Collection

import onnx

from zcc.runtime.errors import ModelError

MOST_NAMED = 3


def supported_operators() -> frozenset[str]:
    """The operators that TVM's importer has a converter for."""
    # TVM takes seconds to import, and only the parent process needs it.
    from tvm.relax.frontend.onnx import onnx_frontend

    return frozenset(kind for kind, converter in onnx_frontend._get_convert_map().items() if converter)


def unsupported_operators(proto: onnx.ModelProto, supported: Collection[str]) -> list[onnx.NodeProto]:
    """The nodes whose operator has no converter, in graph order."""
    return [node for node in proto.graph.node if node.op_type not in supported]


def label(node: onnx.NodeProto) -> str:
    """What to call a node in messages: its name, or what it makes."""
    return node.name or next(iter(node.output), "without a name")


def refuse_unsupported(proto: onnx.ModelProto, supported: Collection[str]) -> None:
    """Raise a ModelError that names the operators and nodes without a converter, if there are any."""
    found = unsupported_operators(proto, supported)
    if found:
        first: dict[str, str] = {}
        for node in found:
            first.setdefault(node.op_type, label(node))
        listed = ", ".join(f"{kind} (node {name!r})" for kind, name in list(first.items())[:MOST_NAMED])
        more = f" and {len(first) - MOST_NAMED} more" if len(first) > MOST_NAMED else ""
        raise ModelError(
            f"the model uses operators that zcc cannot compile: {listed}{more}",
            "export the model without them, or with another opset",
        )
