"""Generic operations -> kernels: TVM legalises and fuses them, region by region.

A region is a set of generic operations that no other operation stands between. The functions that sigmoid, exp and
softmax become are ours, because TVM's would call libm for every element.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import ir, relax, te, topi

from zcc.compiler.backends.cpu.kernels import activation
from zcc.compiler.backends.cpu.kernels.generic import prepared
from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.plain_ops import Alias, Generic, Lowered
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.errors import ModelError


def lower_generic(network: Network) -> Network:
    """Replace every region of generic operations by the functions that TVM makes of it."""
    depths = _depths(network)
    ordered = sorted(network.ops, key=lambda op: (depths[op.out], isinstance(op, Generic)))
    ops: list[Op] = []
    region: list[Generic] = []
    for op in ordered:
        if isinstance(op, Generic) and (not region or depths[region[0].out] == depths[op.out]):
            region.append(op)
            continue
        ops += _lower_region(region, network)
        region = [op] if isinstance(op, Generic) else []
        if not region:
            ops.append(op)
    ops += _lower_region(region, network)
    return replace(network, ops=ops)


def _depths(network: Network) -> dict[Tensor, int]:
    """How many times one passes from generic to other operations on the way to each tensor, made as late as can be."""
    depths = {network.image: 0}
    generic: set[Tensor] = set()
    for op in network.ops:
        is_generic = isinstance(op, Generic)
        depth = max((depths[tensor] + (tensor in generic and not is_generic) for tensor in op.inputs), default=0)
        for tensor in op.outputs:
            depths[tensor] = depth
            if is_generic:
                generic.add(tensor)
    users = network.users()
    for op in reversed(network.ops):
        if isinstance(op, Generic) and op.out in users and op.out not in network.maps:
            depths[op.out] = min(depths[user.out] - (not isinstance(user, Generic)) for user in users[op.out])
    return depths


def _lower_region(region: Sequence[Generic], network: Network) -> list[Op]:
    if not region:
        return []
    made = {op.out for op in region}
    needed = {tensor for op in network.ops if op not in region for tensor in op.inputs} | set(network.results)
    inputs = list(dict.fromkeys(t for op in region for t in op.inputs if t not in made))
    outputs = [op.out for op in region if op.out in needed]
    mod = _optimise(_build_region(region, inputs, outputs))
    return _read_back(mod, inputs, outputs)


def _build_region(region: Sequence[Generic], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> ir.IRModule:
    """The region as a Relax function from `inputs` to the tuple of `outputs`."""
    builder = relax.BlockBuilder()
    values: dict[Tensor, Any] = {t: relax.Var(t.name, relax.TensorType(t.shape, t.dtype)) for t in inputs}
    with builder.function("main", [values[t] for t in inputs]):
        with builder.dataflow():
            for op in region:
                bindings = {var: values[t] for var, t in zip(op.variables, op.operands, strict=True)}
                bindings.update({var: relax.const(value) for var, value in op.constants.items()})
                call = _substitute(op.call, bindings)
                if op.function is not None:
                    callee = builder.add_func(op.function, "function")
                    call = ir.Call(call.op, [callee, *call.args[1:]], call.attrs, call.ty_args)
                values[op.out] = builder.emit(call)
            result = builder.emit_output(relax.Tuple([values[t] for t in outputs]))
        builder.emit_func_output(result)
    return builder.get()


def _substitute(expr: Any, bindings: dict[Any, Any]) -> Any:
    """The expression with variables replaced."""
    if isinstance(expr, ir.Call):
        return ir.Call(expr.op, [_substitute(arg, bindings) for arg in expr.args], expr.attrs, expr.ty_args)
    if isinstance(expr, relax.Tuple):
        return relax.Tuple([_substitute(field, bindings) for field in expr.fields])
    return bindings.get(expr, expr) if isinstance(expr, ir.Var) else expr


def _sigmoid(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.sigmoid), call.args[0], primfunc_name_hint="sigmoid")


def _silu(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.silu), call.args[0], primfunc_name_hint="silu")


def _exp(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.exp), call.args[0], primfunc_name_hint="exp")


def _elementwise(function: Any) -> Any:
    return lambda x: te.compute(x.shape, lambda *index: function(x(*index)), name="compute")


def _softmax(builder: Any, call: Any) -> Any:
    axis = int(call.attrs.axis)

    def softmax(x: Any) -> Any:
        highest = topi.max(x, axis, keepdims=True)
        powers = _elementwise(activation.exp)(topi.subtract(x, highest))
        return topi.divide(powers, topi.sum(powers, axis, keepdims=True))

    return builder.call_te(softmax, call.args[0], primfunc_name_hint="softmax")


def _power(builder: Any, call: Any) -> Any:
    base, exponent = call.args
    squared = isinstance(exponent, ir.GenericConst) and exponent.value.numpy().size == 1 and exponent.value.numpy() == 2
    return builder.call_te(topi.multiply, base, base) if squared else builder.call_te(topi.power, base, exponent)


LEGALISE = {
    "relax.power": _power,
    "relax.sigmoid": _sigmoid,
    "relax.nn.silu": _silu,
    "relax.exp": _exp,
    "relax.nn.softmax": _softmax,
}


def _optimise(mod: ir.IRModule) -> ir.IRModule:
    passes = tvm.transform.Sequential(
        [
            relax.transform.DecomposeOpsForInference(),
            relax.transform.LegalizeOps(LEGALISE),
            relax.transform.AnnotateTIROpPattern(),
            relax.transform.FoldConstant(),
            relax.transform.FuseOps(),
            relax.transform.FuseTIR(),
            relax.transform.DeadCodeElimination(),
        ]
    )
    with tvm.target.Target("llvm"):
        return passes(mod)


def _read_back(mod: ir.IRModule, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Op]:
    """The calls of an optimised region as operations on tensors."""
    function = mod["main"]
    values: dict[Any, Any] = dict(zip(function.params, inputs, strict=True))
    ops: list[Op] = []
    for block in function.body.blocks:
        for binding in block.bindings:
            values[binding.var] = _read_binding(mod, binding, values, ops)
    results = values.get(function.body.body, function.body.body)
    fields = [values.get(field, field) for field in getattr(results, "fields", results)]
    return ops + _rename(ops, fields, outputs)


def _read_binding(mod: ir.IRModule, binding: Any, values: dict[Any, Any], ops: list[Op]) -> Any:
    value = binding.value
    if isinstance(value, ir.Var):
        return values[value]
    if isinstance(value, relax.Tuple):
        return [values[field] for field in value.fields]
    if isinstance(value, relax.TupleGetItem):
        return values[value.tuple_value][value.index]
    if not (isinstance(value, ir.Call) and getattr(value.op, "name", "") == "relax.call_tir"):
        raise ModelError(f"the operator {getattr(value, 'op', value)} cannot be compiled", "remove it from the export")
    target, arguments = value.args[0], value.args[1].fields
    made = [
        Tensor(f"{binding.var.name}_{index}", tuple(int(n) for n in ty.shape.values), str(ty.dtype))
        for index, ty in enumerate(_tensor_types(value.ty_args[0]))
    ]
    operands = [values[a] if isinstance(a, ir.Var) else a.value.numpy() for a in arguments]
    ops.append(Lowered(made[0], prepared(mod[target]), str(target.name_hint), operands, made))
    return made[0] if len(made) == 1 else made


def _tensor_types(ty: Any) -> Iterable[Any]:
    return list(ty.fields) if isinstance(ty, ir.TupleType) else [ty]


def _rename(ops: list[Op], fields: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Op]:
    """Let the region's functions write straight into the tensors that the network knows."""
    aliases: list[Op] = []
    makers = {tensor: op for op in ops for tensor in op.outputs}
    for field, output in zip(fields, outputs, strict=True):
        maker = makers.get(field)
        if not isinstance(maker, Lowered):
            aliases.append(Alias(output, field))
            continue
        for op in ops:
            if isinstance(op, Lowered):
                op.operands = [output if operand is field else operand for operand in op.operands]
        maker.made = [output if tensor is field else tensor for tensor in maker.made]
        maker.out = maker.made[0]
        makers[output] = maker
    return aliases
