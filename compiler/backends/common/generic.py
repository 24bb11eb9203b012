"""Generic operations -> functions over plain tensors: TVM legalises and fuses them, region by region.

A region is a set of generic operations that no other operation stands between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import ir, relax, s_tir, tirx
from tvm_ffi import structural_map

from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.plain_ops import Alias, Generic, Lowered
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.errors import ModelError

SPATIAL = 0  # tirx.IterVar.DataPar
# What a call of an operator becomes, by the operator's name, where TVM's own choice is not wanted.
Legalise = Mapping[str, Callable[[Any, Any], Any]]


def lower_regions(network: Network, legalise: Legalise) -> Network:
    """Replace every region of generic operations by the functions that TVM makes of it."""
    depths = _depths(network)
    ordered = sorted(network.ops, key=lambda op: (depths[op.out], isinstance(op, Generic)))
    ops: list[Op] = []
    region: list[Generic] = []
    for op in ordered:
        if isinstance(op, Generic) and (not region or depths[region[0].out] == depths[op.out]):
            region.append(op)
            continue
        ops += _lower_region(region, network, legalise)
        region = [op] if isinstance(op, Generic) else []
        if not region:
            ops.append(op)
    ops += _lower_region(region, network, legalise)
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
        if isinstance(op, Generic) and op.out in users and op.out not in network.results:
            depths[op.out] = min(depths[user.out] - (not isinstance(user, Generic)) for user in users[op.out])
    return depths


def _lower_region(region: Sequence[Generic], network: Network, legalise: Legalise) -> list[Op]:
    if not region:
        return []
    made = {op.out for op in region}
    needed = {tensor for op in network.ops if op not in region for tensor in op.inputs} | set(network.results)
    inputs = list(dict.fromkeys(t for op in region for t in op.inputs if t not in made))
    outputs = [op.out for op in region if op.out in needed]
    mod = _optimise(_build_region(region, inputs, outputs), legalise)
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


def _optimise(mod: ir.IRModule, legalise: Legalise) -> ir.IRModule:
    passes = tvm.transform.Sequential(
        [
            relax.transform.DecomposeOpsForInference(),
            relax.transform.LegalizeOps(legalise),
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


def prepared(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with elementwise steps computed where they are read."""
    return _with_own_lets(_inlined(function))


def _inlined(function: tirx.PrimFunc) -> tirx.PrimFunc:
    sch = s_tir.Schedule(function)
    outputs = {block.name_hint for block in map(sch.get, sch.get_output_blocks(sch.get_sblock("root")))}
    for block in sch.get_child_blocks(sch.get_sblock("root")):
        inner = sch.get(block).name_hint not in outputs
        if inner and _is_elementwise(sch, block) and _feeds_elementwise(sch, block):
            sch.compute_inline(block)
    return sch.mod["main"].without_attr("global_symbol")


def _with_own_lets(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with a variable of its own for each Let: what was inlined in two places must not share them."""

    def renewed(let: Any) -> Any:
        own = tirx.Var(let.var.name, let.var.ty)
        return tirx.Let(own, let.value, structural_map(let.body, (ir.Var, lambda v: own if v.same_as(let.var) else v)))

    return function.with_body(structural_map(function.body, (tirx.Let, renewed)))


def _is_elementwise(sch: Any, block: Any) -> bool:
    """Whether each element is made once, from an index without arithmetic, so that inlining is exact."""
    body = sch.get(block)
    plain_store = isinstance(body.body, tirx.BufferStore)
    return plain_store and all(var.iter_type == SPATIAL for var in body.iter_vars)


def _feeds_elementwise(sch: Any, block: Any) -> bool:
    """Inlining into a reduction would compute the element once for every sum it enters."""
    return all(_is_elementwise(sch, consumer) for consumer in sch.get_consumers(block))
