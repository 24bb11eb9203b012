"""What a network's convolutions take in some tiles, and what the network takes in them as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import mean, median
from typing import NamedTuple

import numpy as np

from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.lower import lower_network
from zcc.compiler.backends.cuda.program import assemble
from zcc.compiler.backends.cuda.targets import CudaTarget
from zcc.compiler.backends.cuda.tile_records import Product, product_of
from zcc.compiler.backends.cuda.tiles import default_tile
from zcc.compiler.backends.search import TuningJob
from zcc.compiler.ir.ops import Network
from zcc.runtime.errors import BuildError
from zcc.runtime.executors import cuda_timing
from zcc.runtime.executors.cuda import CudaExecutor

TIMES, REPLAYS, TOGETHER = 30, 60, 20  # how often each launch is timed, and the network, so many in a row
SEED = 20244
Tiles = Mapping[Product, Tile]


class Measured(NamedTuple):
    """Seconds."""

    products: Mapping[Product, float]  # of a launch by itself; none where the kernels cannot be built
    network: float | None  # of all launches as a graph, side by side where they may be


def measure_tiles(job: TuningJob[CudaTarget], tiles: Tiles, device: str) -> Measured:
    """Build the network with those tiles, and default ones elsewhere, and time it on a card."""
    target = job.target

    def choose(product: Product) -> Tile:
        return tiles.get(product) or default_tile(target.capability, product)

    planned = lower_network(network_of(job), target.capability, job.precision.name, choose)
    try:
        program = assemble(job.source, planned, target.capability)
    except BuildError:
        return Measured({}, None)
    executor = CudaExecutor(program, device)
    try:
        size = (program.input.height, program.input.width, 3)
        executor.run(np.random.default_rng(SEED).integers(0, 256, size, dtype=np.uint8))
        seconds = cuda_timing.profile(executor, TIMES)[list(program.plan.indices_of(("network",)))]
        whole = median(cuda_timing.replay(executor, ("network",), REPLAYS, TOGETHER).tolist())
    finally:
        executor.close()
    taken: dict[Product, list[float]] = defaultdict(list)
    for spec, each in zip(planned.specs, seconds.tolist(), strict=True):
        if isinstance(spec, ConvMma):
            taken[product_of(spec)].append(each)
    return Measured({product: mean(each) for product, each in taken.items()}, whole)


def network_of(job: TuningJob[CudaTarget]) -> Network:
    """The network as it is built; only integers make another one."""
    network = job.source.network()
    if not job.precision.calibrated:
        return network
    return job.precision.convert(network, job.calibration, (), job.target.short_words)
