"""Runs the launches of a network in numpy: what each kernel means, on the very bytes that the plan gives it.

Sums are float64 and functions numpy's own; what is stored is rounded to the format that the plan stores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tvm
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from zcc.compiler.backends.cuda.kernels.attention import AttentionKernel
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Geometry
from zcc.compiler.backends.cuda.kernels.conv_plain import ConvPlain, Depthwise
from zcc.compiler.backends.cuda.kernels.formats import Map, encode, to_tf32
from zcc.compiler.backends.cuda.kernels.generic import GenericKernel
from zcc.compiler.backends.cuda.kernels.moves import DepthToSpaceKernel, GlobalMeanKernel, ShuffleKernel
from zcc.compiler.backends.cuda.kernels.plain import FromPlain, ToPlain
from zcc.compiler.backends.cuda.kernels.pointwise import PointwiseKernel
from zcc.compiler.backends.cuda.kernels.pool import Pool, PoolChain
from zcc.compiler.backends.cuda.kernels.stages import Apply, Ending, Merge, OnCurve, PerChannel
from zcc.compiler.backends.cuda.lower_conv import image_scale
from zcc.compiler.backends.cuda.pipeline import NetworkPlan
from zcc.runtime.executors.plan import Place, PlanTensor

Array = NDArray[Any]
POISON = 0xFF  # what memory holds that nobody has written: not a number in every float format


class Machine:
    """The memory of a plan, and its launches."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.memory = {
            "arena": np.full(plan.arena_bytes, POISON, np.uint8),
            "weights": np.frombuffer(plan.weights, np.uint8),
        }

    def run(self, image: Array) -> list[Array]:
        """The maps (C, H, W) that come of an image (C, H, W) of 0..1; channels that pad a pixel stay with them."""
        levels = image * np.float32(255 * image_scale(self.plan.image_format))
        held = self.tensor(self.plan.image)
        held[...] = 0
        held[..., : len(image)] = encode(
            np.rint(levels).transpose(1, 2, 0) if held.dtype == np.uint8 else levels.transpose(1, 2, 0),
            self.plan.image_format,
        )
        for launch, spec in zip(self.plan.launches, self.plan.specs, strict=True):
            places = [argument for argument in launch.arguments if isinstance(argument, Place)]
            MEANINGS[type(spec)](self, spec, places)
        return [self.result(each) for each in self.plan.maps]

    def result(self, tensor: PlanTensor) -> Array:
        """A map as (C, H, W), a plain tensor as it is."""
        held = self.tensor(tensor)
        return decoded(held, self.plan.map_format)[0].transpose(2, 0, 1) if held.ndim == 4 else held[0]

    def tensor(self, tensor: PlanTensor) -> Array:
        """A whole tensor, to read and write."""
        size = int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
        held = self.memory[tensor.place.region][tensor.place.offset : tensor.place.offset + size]
        return held.view(tensor.dtype).reshape(tensor.shape)

    def map(self, map: Map, place: Place) -> Array:
        """The elements (H, W, C) of a map as they are stored, to read and write."""
        size, region = map.format.bytes, self.memory[place.region]
        dtype = "uint16" if map.dtype == "bfloat16" else map.dtype
        extent = (map.pixels - 1) * map.pitch + map.channels
        flat = region[place.offset : place.offset + extent * size].view(dtype)
        shape, row = (map.height, map.width, map.channels), map.width * map.pitch
        return as_strided(flat, shape, (row * size, map.pitch * size, size))

    def numbers(self, place: Place, dtype: str, count: int) -> Array:
        """Constants."""
        size = np.dtype(dtype).itemsize * count
        return self.memory[place.region][place.offset : place.offset + size].view(dtype)

    def values(self, map: Map, place: Place) -> Array:
        """The numbers (H, W, C) that a map stands for."""
        held = decoded(self.map(map, place), map.dtype)
        meaning = map.quantisation
        return held if meaning is None else (held - np.float32(meaning.zero_point)) * np.float32(meaning.scale)


def decoded(held: Array, dtype: str) -> Array:
    """Stored elements as float32."""
    if dtype == "bfloat16" and held.dtype == np.uint16:
        return (held.astype(np.uint32) << 16).view(np.float32)
    return held.astype(np.float32)


def _conv(machine: Machine, spec: ConvMma | ConvPlain, places: list[Place]) -> None:
    x_at, weight_at, bias_at, *rest = places
    rest = rest[2:] if isinstance(spec, ConvMma) and spec.meets_in_memory else rest
    exact = spec.x.dtype == "uint8"
    held = machine.map(spec.x, x_at)
    x = decoded(held, spec.x.dtype)
    if isinstance(spec, ConvMma) and spec.x.dtype == "float32":
        x = to_tf32(x)
    x = x.astype(np.float64)  # which holds integers of these sizes exactly
    rows, columns = spec.padded
    stored = "int8" if exact else {"bfloat16": "uint16"}.get(spec.x.dtype, spec.x.dtype)
    weight = machine.numbers(weight_at, stored, rows * columns).reshape(rows, columns)
    weight = decoded(weight, spec.x.dtype).astype(np.float64)
    bias = machine.numbers(bias_at, "int32" if exact else "float32", rows)
    patches = _patches(x, spec)
    sums = patches @ weight[: spec.y.channels, : spec.depth].T + bias[: spec.y.channels]
    _finish(machine, spec.ending, sums.reshape(spec.y.height, spec.y.width, -1), rest)


def _depthwise(machine: Machine, spec: Depthwise, places: list[Place]) -> None:
    x_at, weight_at, bias_at, *rest = places
    lanes, taps = spec.y.channels, spec.geometry.window[0] * spec.geometry.window[1]
    x = decoded(machine.map(spec.x, x_at), spec.x.dtype).astype(np.float64)
    weight = machine.numbers(weight_at, spec.weight_dtype, taps * lanes).reshape(taps, lanes).astype(np.float64)
    bias = machine.numbers(bias_at, "int32" if spec.x.dtype == "uint8" else "float32", lanes)
    sums = (_patches(x, spec).reshape(-1, taps, lanes) * weight).sum(axis=1) + bias
    _finish(machine, spec.ending, sums.reshape(spec.y.height, spec.y.width, lanes), rest)


def _patches(x: Array, spec: ConvMma | ConvPlain | Depthwise) -> Array:
    """For each pixel of the result what its window reads, tap by tap."""
    geometry, y = spec.geometry, spec.y
    fill = spec.x.quantisation.zero_point if spec.x.quantisation else 0
    taps = []
    for row in range(geometry.window[0]):
        for column in range(geometry.window[1]):
            rows = np.arange(y.height) * geometry.stride[0] - geometry.padding[0] + row * geometry.dilation[0]
            columns = np.arange(y.width) * geometry.stride[1] - geometry.padding[1] + column * geometry.dilation[1]
            inside = ((rows >= 0) & (rows < spec.x.height))[:, None] & ((columns >= 0) & (columns < spec.x.width))
            picked = x[rows.clip(0, spec.x.height - 1)][:, columns.clip(0, spec.x.width - 1)]
            taps.append(np.where(inside[..., None], picked, fill))
    return np.concatenate(taps, axis=2).reshape(y.pixels, -1)


def _finish(machine: Machine, ending: Ending, sums: Array, places: list[Place]) -> None:
    """The ending's stages, and its stores."""
    left = iter(places)
    y_at = next(left)
    wider_at = next(left) if ending.enlarged else None
    channels = sums.shape[-1]
    values = sums.astype(np.float32)
    if ending.scaled:
        values = values * machine.numbers(next(left), "float32", channels)
    for stage in ending.stages:
        if isinstance(stage, Apply):
            values = _activation(stage.name, stage.parameters, values)
        elif isinstance(stage, OnCurve):
            table = machine.numbers(next(left), "float32", 40)
            values = _on_curve(values * np.float32(stage.factor), table, stage.odd)
        elif isinstance(stage, Merge):
            values = OPERATORS[stage.operator](values, machine.values(stage.other, next(left)))
        else:
            assert isinstance(stage, PerChannel)
            values = OPERATORS[stage.operator](values, machine.numbers(next(left), "float32", channels))
    stored = _stored(values, ending)
    machine.map(ending.y, y_at)[...] = stored
    if ending.enlarged and wider_at:
        wide = stored.repeat(ending.enlarged.factor[0], 0).repeat(ending.enlarged.factor[1], 1)
        machine.map(ending.enlarged.y, wider_at)[...] = wide


def _stored(values: Array, ending: Ending) -> Array:
    meaning = ending.y.quantisation
    if meaning is None:
        return encode(values, ending.y.dtype)
    steps = values if ending.in_steps else values * np.float32(meaning.factor)
    zero = np.float32(meaning.zero_point)
    return (np.rint(np.clip(steps, -zero, 255 - zero)) + zero).astype(np.uint8)


def _on_curve(u: Array, table: Array, odd: bool) -> Array:
    distance = np.minimum(np.abs(u), np.float32(7))
    segment = np.rint(distance)
    constant, slope, bend, third = table[:32].reshape(8, 4)[segment.astype(int)].transpose(-1, *range(u.ndim))
    part = constant + distance * (slope + distance * (bend + distance * third))
    signed = np.where(u < 0, -part, part) if odd else part
    return signed + np.maximum(u, 0) * table[32] + table[33]


OPERATORS: dict[str, Callable[..., Array]] = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "clip": np.clip,
    "at_least": np.maximum,
    "at_most": np.minimum,
    "scale": np.multiply,
    "shift": np.add,
    "abs": np.abs,
    "exp": np.exp,
    "tanh": np.tanh,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
}


def _activation(name: str, parameters: tuple[Any, ...], values: Array) -> Array:
    if name != "fork":
        return FUNCTIONS[name](values, *parameters)
    operator, *branches = parameters
    results = []
    for branch in branches:
        result = values
        for function, held in branch:
            result = _activation(function, held, result)
        results.append(result)
    return OPERATORS[operator](*results)


def _pointwise(machine: Machine, spec: PointwiseKernel, places: list[Place]) -> None:
    x = machine.values(spec.x, places[0]).repeat(spec.factor[0], 0).repeat(spec.factor[1], 1)
    holes = max(0, spec.y.channels - x.shape[2])
    _finish(machine, spec.ending, np.pad(x, ((0, 0), (0, 0), (0, holes)))[..., : spec.y.channels], places[1:])


def _pool(machine: Machine, spec: Pool, places: list[Place]) -> None:
    x = decoded(machine.map(spec.x, places[0]), spec.x.dtype)
    top, left, bottom, right = spec.border
    zero = spec.x.quantisation.zero_point if spec.x.quantisation else 0
    x = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=zero)
    (height, width), (down, across), (above, before) = (
        spec.geometry.window,
        spec.geometry.stride,
        spec.geometry.padding,
    )
    x = np.pad(x, ((above, height * down), (before, width * across), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), (0, 1))[::down, ::across]
    made = windows[: spec.y.height, : spec.y.width].max((-1, -2))
    machine.map(spec.y, places[1])[...] = encode(made, spec.y.dtype)


def _pool_chain(machine: Machine, spec: PoolChain, places: list[Place]) -> None:
    x, size = spec.x, spec.window
    for y, place in zip(spec.ys, places[1:], strict=True):
        single = Pool(x, y, Geometry((size, size), (1, 1), (size // 2, size // 2)))
        _pool(machine, single, [places[0], place])
        x, places = y, [place, *places[1:]]


def _depth_to_space(machine: Machine, spec: DepthToSpaceKernel, places: list[Place]) -> None:
    x, (down, across) = machine.map(spec.x, places[0]), spec.factor
    cells = x.reshape(spec.x.height, spec.x.width, down, across, -1).transpose(0, 2, 1, 3, 4)
    machine.map(spec.y, places[1])[...] = cells.reshape(spec.y.height, spec.y.width, -1)


def _shuffle(machine: Machine, spec: ShuffleKernel, places: list[Place]) -> None:
    sources = machine.numbers(places[1], "int32", spec.y.channels)
    machine.map(spec.y, places[2])[...] = np.where(sources < 0, 0, machine.map(spec.x, places[0])[..., sources])


def _global_mean(machine: Machine, spec: GlobalMeanKernel, places: list[Place]) -> None:
    x = decoded(machine.map(spec.x, places[0]), spec.x.dtype).astype(np.float64)
    machine.map(spec.y, places[1])[...] = encode(x.mean(axis=(0, 1)), spec.y.dtype)


def _attention(machine: Machine, spec: AttentionKernel, places: list[Place]) -> None:
    maps = (spec.query, spec.key, spec.value)
    query, key, value = (
        machine.values(map, place).reshape(spec.areas, spec.keys, spec.heads, -1).astype(np.float64)
        for map, place in zip(maps, places, strict=False)
    )
    scores = np.einsum("aqhd,akhd->ahqk", query, key) * spec.scale
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    made = np.einsum("ahqk,akhd->aqhd", shares / shares.sum(-1, keepdims=True), value)
    machine.map(spec.y, places[3])[...] = encode(made.reshape(spec.y.height, spec.y.width, -1), spec.y.dtype)


def _to_plain(machine: Machine, spec: ToPlain, places: list[Place]) -> None:
    lanes = machine.numbers(places[1], "int32", spec.channels)
    made = machine.values(spec.x, places[0])[..., lanes].transpose(2, 0, 1)
    machine.numbers(places[2], "float32", made.size)[...] = made.reshape(-1)


def _from_plain(machine: Machine, spec: FromPlain, places: list[Place]) -> None:
    y, channels = spec.y, machine.numbers(places[1], "int32", spec.y.channels)
    x = machine.numbers(places[0], "float32", (channels.max() + 1) * y.pixels).reshape(-1, y.height, y.width)
    machine.map(y, places[2])[...] = encode(np.where(channels < 0, 0, x[channels].transpose(1, 2, 0)), y.dtype)


def _generic(machine: Machine, spec: GenericKernel, places: list[Place]) -> None:
    """TVM's loops, compiled for the host."""
    ordered = [place for _, place in sorted(zip(spec.order, places, strict=True))]
    arrays = []
    for parameter, place in zip(spec.function.params, ordered, strict=True):
        shape = [int(extent) for extent in parameter.ty.shape]
        held = machine.numbers(place, str(parameter.ty.dtype), int(np.prod(shape))).reshape(shape)
        arrays.append(tvm.runtime.tensor(held))
    tvm.compile(spec.function.with_attr("global_symbol", "main"), target=tvm.target.Target("llvm"))["main"](*arrays)
    for place, array in zip(ordered, arrays, strict=True):
        if place.region == "arena":
            made = array.numpy()
            machine.numbers(place, str(made.dtype), made.size)[...] = made.reshape(-1)


MEANINGS: dict[type, Callable[[Machine, Any, list[Place]], None]] = {
    ConvMma: _conv,
    ConvPlain: _conv,
    Depthwise: _depthwise,
    PointwiseKernel: _pointwise,
    Pool: _pool,
    PoolChain: _pool_chain,
    DepthToSpaceKernel: _depth_to_space,
    ShuffleKernel: _shuffle,
    GlobalMeanKernel: _global_mean,
    AttentionKernel: _attention,
    ToPlain: _to_plain,
    FromPlain: _from_plain,
    GenericKernel: _generic,
}
