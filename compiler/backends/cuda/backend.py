"""NVIDIA's cards: the whole frame as a plan of launches, with its kernels as machine code and PTX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from zcc.compiler.backends.backend import ON_THIS_MACHINE, Built, Call, Floats, Running
from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.cuda import nvrtc
from zcc.compiler.backends.cuda.card_limits import measure_card
from zcc.compiler.backends.cuda.kernels.kernel_source import name_of
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.program import assemble
from zcc.compiler.backends.cuda.targets import TARGETS, CudaTarget, native_target
from zcc.compiler.backends.cuda.tile_records import TileRecords, find_tiles
from zcc.compiler.backends.cuda.tiles import known_better, tile_chooser
from zcc.compiler.backends.cuda.tuning.tuner import CudaTuner
from zcc.compiler.backends.stage import RunStage
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.ops import Conv, Network
from zcc.compiler.precision.table import Precision
from zcc.runtime.executors.cuda_program import Program
from zcc.runtime.executors.cuda_variant import FIRST, CudaVariant
from zcc.runtime.executors.frame_block import FORMATS
from zcc.runtime.executors.plan import Launch
from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest, Requirements

ANY_HOST = "any"  # a plan has no host code


class CudaBackend:
    """The contract of backends, for NVIDIA's cards."""

    name = "cuda"
    tasks = frozenset({"detect"})
    tuner = CudaTuner()

    @property
    def targets(self) -> Mapping[str, CudaTarget]:
        """Compute capabilities, the youngest last."""
        return TARGETS

    def native(self, dtype: str) -> CudaTarget | None:
        """That of this machine's first card."""
        return native_target()

    def records(self, home: Path, target: CudaTarget) -> TileRecords:
        """Tiles that were measured, by the user or before zcc came; for others there is a table of likely ones."""
        return find_tiles(home, target)

    def no_records(self) -> TileRecords:
        """Nothing is known."""
        return TileRecords()

    def build(
        self,
        source: Imported,
        network: Network,
        precision: Precision,
        target: CudaTarget,
        records: TileRecords,
        folder: Path,
        stage: RunStage,
    ) -> Built:
        """A plan, weights, and a cubin and PTX for each module."""
        # Tensor cores round what they read and sum in float32: only integers make another network.
        taken = network if precision.calibrated else source.network()
        with stage("build"):
            choose = tile_chooser(target.capability, records)
            planned = lower_network(taken, target.capability, precision.name, choose)
            program = assemble(source, planned, target.capability)
            program.write(folder)
        tuned = sum(known_better(target.capability, records, spec) for spec in planned.specs)
        known = {name_of(spec): known_better(target.capability, records, spec) for spec in planned.specs}
        arena = program.plan.regions["arena"]
        return Built(
            files=tuple(sorted(path.name for path in folder.iterdir())),
            requires=Requirements(ANY_HOST, target.capability.arch, (), f"plan-{program.plan.version}"),
            formats=tuple(FORMATS),
            workspace={"detect": arena, "network": arena},
            expansion=(),
            layers=_layers(taken),
            calls=tuple(_call(launch, known) for launch in network_launches(program)),
            form={"launches": len(program.plan.launches), "tuned": tuned},
            note=f"{len(program.plan.launches)} launches, {len(program.plan.kernels)} kernels, {tuned} tiles on record",
        )

    def outputs(self, source: Imported, folder: Path, manifest: Manifest, picture: Pixels) -> dict[str, Floats]:
        """The maps that the head is read from, (1, channels, height, width), or its decoded output, as in the file."""
        frame = picture if manifest.input.color == "rgb" else picture[..., ::-1].copy()
        maps = CudaVariant(folder, manifest, FIRST).maps(frame)
        if source.raw is None:
            return {source.model.head.output: maps[0].reshape(source.model.head.shape)}
        return {
            name: made[..., :channels].transpose(2, 0, 1)[None]
            for name, channels, made in zip(source.raw.maps, _channels(source), maps, strict=True)
        }

    def running(self, target: CudaTarget) -> Running:
        """On a card of this machine."""
        here = target.runs_here()
        return Running(ON_THIS_MACHINE) if here else Running(why_not=f"{target.name} does not run on this machine")

    def machine(self, target: str, arithmetics: Iterable[str]) -> Machine | None:
        """Measured on this machine's first card, where that runs the target's code."""
        found = TARGETS[target]
        return measure_card(found.capability.arch, arithmetics) if found.runs_here() else None

    def tools(self) -> dict[str, str]:
        """NVIDIA's run-time compiler."""
        return {"nvrtc": nvrtc.version()}


def network_launches(program: Program) -> tuple[Launch, ...]:
    """Those between preprocess and postprocess."""
    return tuple(program.plan.launches[index] for index in program.plan.indices_of(("network",)))


def _call(launch: Launch, known: Mapping[str, bool]) -> Call:
    tuned = known.get(launch.kernel)
    return Call(launch.kernel, launch.label or launch.kernel, launch.flops, launch.bytes, layout="NHWC", tuned=tuned)


def _channels(source: Imported) -> list[int]:
    return [tensor.shape[1] for tensor in source.network().maps]


def _layers(network: Network) -> dict[str, list[str]]:
    """The convolutions by the type of what they multiply, each named by the tensor it makes."""
    layers: dict[str, list[str]] = {}
    for op in network.ops:
        if isinstance(op, Conv):
            layers.setdefault(op.x.dtype, []).append(op.out.name)
    return layers
