"""Walks a Relax function; what each of its calls is, say the readers in read_network.py's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tvm import ir, relax

from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.plain_ops import Generic
from zcc.compiler.ir.tensors import Array, Tensor


class Reader:
    """The operations read so far, and what the function's variables stand for."""

    def __init__(self, mod: ir.IRModule, readers: Mapping[str, Callable[[Reader, Any, Tensor], Op | None]]) -> None:
        self.mod = mod
        self.function = function = mod["main"]
        self.readers = readers
        self.bindings = {binding.var: binding.value for block in function.body.blocks for binding in block.bindings}
        self.tensors: dict[Any, Tensor] = {}
        self.constants: dict[Any, Array] = {}
        self.tuples: dict[Any, list[Any]] = {}
        self.ops: list[Op] = []
        self.maps: set[Tensor] = set()  # tensors that live channel-packed
        self.names: Counter[str] = Counter()
        self.image = self.tensor(function.params[0])

    def read(self) -> Network:
        """The network that the function computes."""
        for var, value in self.bindings.items():
            self.bind(var, value)
        result = self.function.body.body
        output, *maps = (self.tensors[var] for var in self.tuples.get(result, [result]))
        return Network(self.image, self.ops, output, maps)

    def bind(self, var: Any, value: Any) -> None:
        """Read one binding."""
        if isinstance(value, relax.TupleGetItem):
            value = self.tuples[value.tuple_value][value.index]
        if isinstance(value, relax.Tuple):
            self.tuples[var] = list(value.fields)
            return
        if isinstance(value, ir.Var) and value in self.tensors:
            self.tensors[var] = self.tensors[value]
            return
        folded = self.fold(value)
        if folded is not None:
            self.constants[var] = folded
            return
        out = self.tensor(var)
        reader = self.readers.get(value.op.name) if isinstance(value.op, ir.Op) else None
        op = reader(self, value, out) if reader else None
        if op is None:
            self.ops.append(self.generic(value, out))
        else:
            self.emit(op)

    def emit(self, op: Op) -> Tensor:
        """Add an operation on packed maps; the map it makes."""
        self.ops.append(op)
        self.maps.add(op.out)
        return op.out

    def tensor(self, var: Any) -> Tensor:
        """The tensor that a Relax variable stands for."""
        if var not in self.tensors:
            shape = tuple(int(extent) for extent in var.ty.shape.values)
            self.tensors[var] = Tensor(self.unique(str(var.name)), shape, str(var.ty.dtype))
        return self.tensors[var]

    def unique(self, name: str) -> str:
        """The name, with a number behind it when another tensor has it already: passes give names anew."""
        taken = self.names[name]
        self.names[name] += 1
        return self.unique(f"{name}_{taken}") if taken else name

    def constant(self, expr: Any) -> Array | None:
        """The value of a constant expression, None for anything else."""
        if isinstance(expr, ir.GenericConst):
            return np.asarray(expr.value.numpy())
        return self.constants.get(expr)

    def fold(self, value: Any) -> Array | None:
        """Constants that only change shape, as biases do, stay constants."""
        if isinstance(value, ir.GenericConst):
            return self.constant(value)
        if isinstance(value, ir.Call) and isinstance(value.op, ir.Op) and value.op.name == "relax.reshape":
            constant = self.constant(value.args[0])
            if constant is not None:
                return constant.reshape([int(extent) for extent in value.args[1].values])
        return None

    def generic(self, call: Any, out: Tensor) -> Generic:
        """The call as TVM will lower it."""
        free = relax.analysis.free_vars(call)
        variables = [var for var in free if var in self.tensors]
        constants = {var: self.constants[var] for var in free if var in self.constants}
        function = self.mod[call.args[0]] if call.op.name == "relax.call_tir" else None
        return Generic(out, [self.tensors[var] for var in variables], call, variables, constants, function)

    def map_of(self, expr: Any) -> Tensor | None:
        """The tensor of `expr` when it lives channel-packed."""
        tensor = self.tensors.get(expr)
        return tensor if tensor in self.maps else None

    def origin(self, expr: Any) -> Any:
        """The expression that a variable stands for, through any further names it has."""
        while isinstance(expr, ir.Var) and expr in self.bindings:
            expr = self.bindings[expr]
        return expr

    def call_of(self, expr: Any, operator: str) -> Any:
        """The call of that operator that `expr` stands for, None for anything else."""
        value = self.origin(expr)
        return value if isinstance(value, ir.Call) and getattr(value.op, "name", None) == operator else None
