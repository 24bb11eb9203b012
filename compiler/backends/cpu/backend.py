"""CPUs: the whole frame as one LLVM module over planned memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import tvm

from zcc.compiler.backends.backend import ON_THIS_MACHINE, Built, Call, Floats, Running
from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.cpu.emulation.emulated import emulated_network
from zcc.compiler.backends.cpu.emulation.emulator import Emulator
from zcc.compiler.backends.cpu.emulation.run_network import HEAD, PROTOTYPES
from zcc.compiler.backends.cpu.forms.find_records import NO_RECORDS, KernelRecords, RecordedChoices, find_records
from zcc.compiler.backends.cpu.kernels.slab import written
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.machine.peaks import measure_machine
from zcc.compiler.backends.cpu.observing.observe import observe
from zcc.compiler.backends.cpu.observing.observer import CpuMapObserver
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import emit
from zcc.compiler.backends.cpu.program.files import runtime_library, write_files
from zcc.compiler.backends.cpu.program.surroundings import frame_of
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.tuner import CpuTuner
from zcc.compiler.backends.stage import RunStage
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.ops import Conv, Network
from zcc.compiler.ir.tasks.table import TASKS
from zcc.compiler.ir.tensors import Tensor
from zcc.compiler.precision.map_statistics import MapStatistics
from zcc.compiler.precision.table import Precision
from zcc.runtime import host
from zcc.runtime.executors.cpu import CpuExecutor
from zcc.runtime.frame import Pixels
from zcc.runtime.library import MODULE, RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import EACH_THREAD, Manifest


class CpuBackend:
    """The contract of backends, for CPUs."""

    name = "cpu"
    tasks = frozenset(task.name for task in TASKS)
    tuner = CpuTuner()

    @property
    def targets(self) -> Mapping[str, CpuTarget]:
        """Instruction sets, the most capable last."""
        return TARGETS

    def native(self, dtype: str) -> CpuTarget | None:
        """The widest instruction set that this machine has, with as little else as the dtype needs."""
        here = any(target.runs_here() for target in TARGETS.values())
        return native_target(dtype) if here else None

    def records(self, home: Path, target: CpuTarget) -> KernelRecords:
        """The user's, and those that came with zcc."""
        return find_records(home, target)

    def no_records(self) -> KernelRecords:
        """Nothing is known."""
        return NO_RECORDS

    def build(
        self,
        source: Imported,
        network: Network,
        precision: Precision,
        target: CpuTarget,
        records: KernelRecords,
        folder: Path,
        stage: RunStage,
    ) -> Built:
        """A shared library with an entry point for each format of frames, weights, and TVM's runtime library."""
        runtime = runtime_library(target)
        with stage("lower"):
            chosen = records.form(source, precision, target)
            unit = chosen.form.unit(target.unit)
            choices = records.choices(unit, chosen.form.winograd)
            layout = lower_network(network, unit, choices, chosen.form.block)
            program = emit(layout, frame_of(source, layout), unit)
        with stage("build"):
            build_library(program.module, target.tvm_target(), folder / MODULE)
            weights = layout.constants.stored(precision.halves_weights)
            write_files(folder, weights, runtime)
        return Built(
            files=(MODULE, WEIGHTS, RUNTIME_LIBRARY),
            requires=target.requirements(tvm.__version__),
            formats=program.formats,
            workspace={
                "detect": program.detect.shared,
                "network": program.network.shared,
                EACH_THREAD: program.detect.each,
            },
            expansion=weights.runs,
            layers=_layers(layout),
            calls=tuple(_calls(layout, choices)),
            form={"choices": choices.counts, "network": chosen.describe(), **chosen.wanted_threads},
            note=describe_choices(choices.counts),
        )

    def statistics(self, source: Imported, network: Network, frames: Iterable[Pixels]) -> dict[Tensor, MapStatistics]:
        """What the maps hold when this machine runs the frames."""
        return observe(network, native_target(), partial(frame_of, source), frames)

    def observer(self, source: Imported, network: Network, folder: Path) -> CpuMapObserver:
        """The network with memory of its own for every map, for this machine."""
        return CpuMapObserver(network, native_target(), partial(frame_of, source), folder)

    def outputs(self, source: Imported, folder: Path, manifest: Manifest, picture: Pixels) -> dict[str, Floats]:
        """The head's decoded output, and the prototypes of a model that makes masks."""
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        target, model = TARGETS[manifest.target], source.model
        if not target.runs_here():
            made = emulated_network(Emulator(target), folder, manifest, image)
            beside = {} if model.prototypes is None else {model.prototypes: made[PROTOTYPES]}
            return {model.head.output: made[HEAD], **beside}
        executor = CpuExecutor(folder, manifest)
        beside = {} if model.prototypes is None else {model.prototypes: executor.prototypes(image)}
        return {model.head.output: executor.run_network(image), **beside}

    def running(self, target: CpuTarget) -> Running:
        """On this machine, or on one of another architecture that qemu-user emulates."""
        if target.runs_here():
            return Running(ON_THIS_MACHINE)
        if target.arch == host.architecture():
            return Running(why_not=f"{target.name} does not run on this machine")
        emulator = Emulator(target)
        return Running(why_not=emulator.missing) if emulator.missing else Running(emulator.describe())

    def machine(self, target: str, arithmetics: Iterable[str]) -> Machine | None:
        """The peaks of its vector unit, and what memory gives."""
        return measure_machine(TARGETS[target], arithmetics)

    def tools(self) -> dict[str, str]:
        """LLVM, as it is in TVM."""
        return {"llvm": str(tvm.get_global_func("target.llvm_version_major")())}


def describe_choices(counts: Mapping[str, int]) -> str:
    """How many kernels had tuning records."""
    tuned, default = counts["tuned"], counts["default"]
    hint = "; `zcc tune` looks for faster forms" if default else ""
    return f"{tuned} kernels as tuning records have them, {default} by default{hint}"


def _calls(layout: Layout, choices: RecordedChoices) -> Iterator[Call]:
    """The kernel calls, and how each came about."""
    forms = choices.forms()
    for call in layout.calls:
        dtype, lanes = written(call.spec)
        packed = f"NCHW{lanes}c" if lanes else ""
        yield Call(call.spec.name, call.label, call.flops, call.bytes, dtype, packed, forms.get(call.spec))


def _layers(layout: Layout) -> dict[str, list[str]]:
    """The convolutions by the type of what they multiply, each named by the tensor it makes."""
    layers: dict[str, list[str]] = {}
    for op in layout.placement.ops:
        if isinstance(op, Conv):
            layers.setdefault(op.x.dtype, []).append(op.out.name)
    return layers
