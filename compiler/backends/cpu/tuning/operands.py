"""Operands to measure a kernel with: seeded, of the sizes that its parameters have, the same for each of its forms."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from tvm import tirx

from zcc.compiler.backends.cpu.kernels.choices import Form, Tunable
from zcc.compiler.backends.cpu.lowering.lower_bf16 import to_bf16
from zcc.compiler.backends.cpu.program.single_kernel import extent
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16, Array

SEED = 7
RESULT, WEIGHT = "out", "weight"
ENCODING = (2,)  # the shape of a scale and a zero point
SCALES = {WEIGHT: 0.05, "scale": 2e-5}
# Of the largest result. Winograd's transforms lose a hundredth of what fp32 may; bfloat16 has eight bits; some forms
# add dozens of halves before they widen the sums.
TOLERANCES = {np.dtype(np.float32): 1e-3, np.dtype(BFLOAT16): 2.0**-7, np.dtype(FLOAT16): 2.0**-7}


def make_operands(spec: Tunable, built: tirx.PrimFunc) -> list[Array]:
    """An array for each parameter of the kernel's default form."""
    rng = np.random.default_rng(SEED)
    return [_values(param, rng) for param in built.params]


def operands_for(form: Form, built: tirx.PrimFunc, default: tirx.PrimFunc, operands: list[Array]) -> list[Array]:
    """The same operands as another form wants them: its own packing of the weights, its own memory for results."""
    taken = []
    for param, declared, array in zip(built.params, default.params, operands, strict=True):
        if param.name == WEIGHT:
            array = form.pack(array.reshape([int(size) for size in declared.ty.shape])).ravel()
        taken.append(array)
    result = result_of(built)
    taken[result] = taken[result].copy()
    return taken


def result_of(built: tirx.PrimFunc) -> int:
    """The position of the parameter that the kernel writes: the last, where none has the name for it."""
    names = [str(param.name) for param in built.params]
    return names.index(RESULT) if RESULT in names else len(names) - 1


def disagreement(found: Array, expected: Array) -> str | None:
    """What is wrong with a result, None when it is right: integers exactly, others within a tolerance."""
    if found.dtype not in TOLERANCES:
        wrong = int(np.count_nonzero(found != expected))
        return f"{wrong} of {found.size} results differ" if wrong else None
    limit = TOLERANCES[found.dtype] * float(np.abs(_floats(expected)).max())
    worst = float(np.abs(_floats(found) - _floats(expected)).max())
    # Not `worst > limit`: a result that is not a number is wrong, too.
    return None if worst <= limit else f"results are off by up to {worst:.3g}, where {limit:.3g} is allowed"


def _values(param: Any, rng: np.random.Generator) -> Array:
    size, dtype = extent(param), str(param.dtype)
    if param.name == RESULT:
        return np.zeros(size, dtype)
    if dtype == BFLOAT16:
        return to_bf16(_normal(param, rng, size))
    if dtype == FLOAT16:
        return _normal(param, rng, size).astype(FLOAT16)
    if dtype == "float32":
        return np.array([0.05, 100.0], np.float32) if size == prod(ENCODING) else _normal(param, rng, size)
    # Sums of bytes start near zero; the bytes themselves take every value.
    limits = (-1000, 1000) if dtype == "int32" else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
    return rng.integers(*limits, size, dtype=dtype)


def _normal(param: Any, rng: np.random.Generator, size: int) -> Array:
    """Weights are small, so that sums of products have the size of their inputs, and so are scales of integer sums."""
    factor = SCALES.get(param.name, 1.0)
    return (factor * rng.standard_normal(size)).astype(np.float32)


def _floats(values: Array) -> Array:
    if values.dtype == np.dtype(BFLOAT16):
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)
