"""Builds a network in one form after the other."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from zcc.compiler.backends.cpu.forms.find_records import KernelRecords
from zcc.compiler.backends.cpu.forms.network_form import NetworkForm, default_form, write_form
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.network_trial import BuiltForm
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import Precision


class FormBuilder:
    """A variant's network, its kernels in the forms that records tell."""

    def __init__(
        self,
        source: Imported,
        precision: Precision,
        target: CpuTarget,
        calibration: Calibration | None,
        records: KernelRecords,
    ) -> None:
        self.source, self.precision, self.target = source, precision, target
        self._calibration, self._records = calibration, records

    def lower(self, form: NetworkForm) -> Layout:
        """The network in a form."""
        unit = form.unit(self.target.unit)
        network = self.precision.convert(
            self.source.network(), self._calibration, (), self.target.short_words, self.target.halves
        )
        return lower_network(network, unit, self._records.choices(unit, form.winograd), form.block)

    def build(self, form: NetworkForm, folder: Path) -> BuiltForm:
        """The form as files in a folder of its own."""
        folder.mkdir()
        layout = self.lower(form)
        # Names differ, because a machine elsewhere keeps all libraries in one folder.
        library = folder / f"{write_form(form).replace(' ', '-')}.so"
        program = emit_network(layout, form.unit(self.target.unit))
        built = BuiltForm(library, folder / "weights.bin", program.network, form.threads)
        build_library(program.module, self.target.tvm_target(), built.library)
        built.weights.write_bytes(layout.weights or b"\0")
        return built

    def has_winograd(self, form: NetworkForm) -> bool:
        """Whether any of the form's convolutions is computed so."""
        return any(isinstance(call.spec, WinogradConv) for call in self.lower(form).calls)

    def kernels(self) -> str:
        """A hash of the forms that the default form's kernels have: others would take other times."""
        calls = self.lower(default_form(self.target, self.precision.name)).calls
        told = [f"{call.spec.name} {call.spec.tile}" for call in calls if hasattr(call.spec, "tile")]
        return sha256("\n".join(told).encode()).hexdigest()[:16]
