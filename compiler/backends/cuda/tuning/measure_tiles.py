"""What a network's convolutions take in some tiles, each by itself, and what the network takes in them as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from statistics import mean
from typing import Protocol

import numpy as np

from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.kernels.formats import encode
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec, module_source, name_of
from zcc.compiler.backends.cuda.lower_conv import GREY_LEVELS, image_scale
from zcc.compiler.backends.cuda.pipeline import NetworkPlan, lower_network
from zcc.compiler.backends.cuda.targets import CudaTarget
from zcc.compiler.backends.cuda.tile_records import Product, product_of
from zcc.compiler.backends.cuda.tiles import default_tile
from zcc.compiler.backends.cuda.tuning.card import Card, Trial
from zcc.compiler.backends.cuda.tuning.compile_kernels import KernelCompiler
from zcc.compiler.backends.search import TuningJob
from zcc.compiler.ir.ops import Network
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Plan

SEED = 20244
Tiles = Mapping[Product, Tile]


class Measuring(Protocol):
    """Measures tiles of one network's convolutions; those that it is not told of have their default tile."""

    def alone(self, tiles: Tiles) -> Mapping[Product, float]:
        """Seconds of each convolution that is named, by itself; not of those that cannot be built."""
        ...

    def together(self, tiles: Tiles) -> float | None:
        """Seconds of the network as a graph, launches side by side where they may be; None if it cannot be built."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class TilesOnCard:
    """The contract of measuring, on a card. Each kernel is a module, and compiled once."""

    def __init__(self, job: TuningJob[CudaTarget], card: Card) -> None:
        self._job, self._card = job, card
        self._network, self._compiler = network_of(job), KernelCompiler(job.target.capability.arch)
        self._modules: dict[str, bytes | None] = {}  # by kernel; None where the compiler refuses it

    def alone(self, tiles: Tiles) -> dict[Product, float]:
        """As the contract says."""
        planned, built = self._planned(tiles), tiles
        if wrong := self._refused(planned):
            refused = {product_of(spec) for spec in wrong if isinstance(spec, ConvMma)}
            built = {product: tile for product, tile in tiles.items() if product not in refused}
            planned = self._planned(built)
        taken: dict[Product, list[float]] = defaultdict(list)
        if not self._refused(planned):
            products = {
                number: product_of(spec)
                for number, spec in enumerate(planned.specs)
                if isinstance(spec, ConvMma) and product_of(spec) in built
            }
            for product, seconds in zip(products.values(), self._time(planned, tuple(products)), strict=True):
                taken[product].append(seconds)
        return {product: mean(each) for product, each in taken.items()}

    def together(self, tiles: Tiles) -> float | None:
        """As the contract says."""
        planned = self._planned(tiles)
        if self._refused(planned):
            return None
        [seconds] = self._time(planned)
        return seconds

    def close(self) -> None:
        """As the contract says."""
        self._compiler.close()

    def _planned(self, tiles: Tiles) -> NetworkPlan:
        capability = self._job.target.capability

        def choose(product: Product) -> Tile:
            return tiles.get(product) or default_tile(capability, product)

        return lower_network(self._network, capability, self._job.precision.name, choose)

    def _refused(self, planned: NetworkPlan) -> list[KernelSpec]:
        """Compile what is new of a plan's kernels, several at a time; those that cannot be."""
        specs = {name_of(spec): spec for spec in planned.specs}
        new = {name: module_source([spec]) for name, spec in specs.items() if name not in self._modules}
        self._modules |= self._compiler.compile(new)
        return [spec for name, spec in specs.items() if self._modules[name] is None]

    def _time(self, planned: NetworkPlan, launches: tuple[int, ...] = ()) -> Sequence[float]:
        """Behind a picture of noise."""
        levels = np.random.default_rng(SEED).integers(0, GREY_LEVELS + 1, planned.image.shape)
        image = encode(levels.astype(np.float32) * np.float32(image_scale(planned.image_format)), planned.image_format)
        return self._card.time(Trial(self._program(planned), image, launches))

    def _program(self, planned: NetworkPlan) -> Program:
        """The network alone, with a module for each kernel."""
        launches = tuple(replace(launch, module=launch.kernel) for launch in planned.launches)
        kernels = tuple(dict.fromkeys(launch.kernel for launch in launches))
        regions = {"weights": len(planned.weights), "arena": planned.arena_bytes}
        regions |= {"parameters": PARAMETERS_SIZE, "result": ResultLayout(1).size}
        arch, tensors = self._job.target.capability.arch, {"input": planned.image}
        plan = Plan(arch, regions, kernels, launches, tensors, zeroed=planned.zeroed)
        modules = {name: Module(code) for name in kernels if (code := self._modules[name])}
        weights, key = np.frombuffer(planned.weights, np.uint8), sha256(planned.weights).hexdigest()
        return Program(plan, modules, weights, key, self._job.source.input, 1)


def network_of(job: TuningJob[CudaTarget]) -> Network:
    """The network as it is built; only integers make another one."""
    network = job.source.network()
    if not job.precision.calibrated:
        return network
    return job.precision.convert(network, job.calibration, (), job.target.short_words)
