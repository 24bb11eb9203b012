"""NVIDIA's cards: the whole frame as a plan of launches, with its kernels as machine code and PTX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.backends.backend import ON_THIS_MACHINE, Built, Call, Floats, Running
from zcc.compiler.backends.cuda import nvrtc
from zcc.compiler.backends.cuda.program import build_program
from zcc.compiler.backends.cuda.targets import TARGETS, CudaTarget, native_target
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


@dataclass(frozen=True)
class NoRecords:
    """No search for CUDA kernels keeps records."""

    digest: str | None = None


class CudaBackend:
    """The contract of backends, for NVIDIA's cards."""

    name = "cuda"
    tuner = None

    @property
    def targets(self) -> Mapping[str, CudaTarget]:
        """Compute capabilities, the youngest last."""
        return TARGETS

    def native(self, dtype: str) -> CudaTarget | None:
        """That of this machine's first card."""
        return native_target()

    def records(self, home: Path, target: CudaTarget) -> NoRecords:
        """None: tiles come from a table that was measured."""
        return NoRecords()

    def no_records(self) -> NoRecords:
        """None either."""
        return NoRecords()

    def build(
        self,
        source: Imported,
        network: Network,
        precision: Precision,
        target: CudaTarget,
        records: NoRecords,
        folder: Path,
        stage: RunStage,
    ) -> Built:
        """A plan, weights, and a cubin and PTX for each module."""
        # Tensor cores round what they read and sum in float32: only integers make another network.
        taken = network if precision.calibrated else source.network()
        with stage("build"):
            program = build_program(source, taken, target.capability, precision.name)
            program.write(folder)
        arena = program.plan.regions["arena"]
        return Built(
            files=tuple(sorted(path.name for path in folder.iterdir())),
            requires=Requirements(ANY_HOST, target.capability.arch, (), f"plan-{program.plan.version}"),
            formats=tuple(FORMATS),
            workspace={"detect": arena, "network": arena},
            expansion=(),
            layers=_layers(taken),
            calls=tuple(_call(launch) for launch in network_launches(program)),
            form={"launches": len(program.plan.launches)},
            note=f"{len(program.plan.launches)} launches, {len(program.plan.kernels)} kernels",
        )

    def outputs(self, source: Imported, folder: Path, manifest: Manifest, picture: Pixels) -> dict[str, Floats]:
        """The maps that the head is read from, as the file has them: (1, channels, height, width)."""
        frame = picture if manifest.input.color == "rgb" else picture[..., ::-1].copy()
        maps = CudaVariant(folder, manifest, FIRST).maps(frame)
        assert source.raw is not None  # build_program has refused others
        return {
            name: held[..., :channels].transpose(2, 0, 1)[None]
            for name, channels, held in zip(source.raw.maps, _channels(source), maps, strict=True)
        }

    def running(self, target: CudaTarget) -> Running:
        """On a card of this machine."""
        here = target.runs_here()
        return Running(ON_THIS_MACHINE) if here else Running(why_not=f"{target.name} does not run on this machine")

    def tools(self) -> dict[str, str]:
        """NVIDIA's run-time compiler."""
        return {"nvrtc": nvrtc.version()}


def network_launches(program: Program) -> tuple[Launch, ...]:
    """Those between preprocess and postprocess."""
    return tuple(program.plan.launches[index] for index in program.plan.indices_of(("network",)))


def _call(launch: Launch) -> Call:
    return Call(launch.kernel, launch.label or launch.kernel, launch.flops, launch.bytes)


def _channels(source: Imported) -> list[int]:
    return [tensor.shape[1] for tensor in source.network().maps]


def _layers(network: Network) -> dict[str, list[str]]:
    """The convolutions by the type of what they multiply, each named by the tensor it makes."""
    layers: dict[str, list[str]] = {}
    for op in network.ops:
        if isinstance(op, Conv):
            layers.setdefault(op.x.dtype, []).append(op.out.name)
    return layers
