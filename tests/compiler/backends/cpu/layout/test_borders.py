"""Borders of small maps are cleared together, and what lies there meanwhile is nobody else's."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import onnx
import pytest

from tests.compiler.loaded import load_here
from tests.onnx_models import build
from zcc.compiler.backends.cpu.kernels.packing import HaloKernel
from zcc.compiler.backends.cpu.layout import borders
from zcc.compiler.backends.cpu.layout.borders import SMALL, clearings
from zcc.compiler.backends.cpu.layout.place import VIEWS, Storage
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto

FAMILIES = ["yolov3-tiny", "yolov5", "yolov8", "yolov10"]


def laid_out(family: str, folder: Path) -> Layout:
    """A small detector."""
    onnx.save(build(family, width=8), folder / "model.onnx")
    network = fuse(read_network(import_proto(load_here(folder / "model.onnx").proto)))
    return lower_network(network, native_target().unit)


def touched(layout: Layout, written: bool) -> dict[Storage, list[int]]:
    """At which steps storages in the arena are written, or read and cleared as well."""
    placement, found = layout.placement, dict[Storage, list[int]]()
    steps = [] if written else [(step, tensor) for step, some in clearings(placement).items() for tensor in some]
    for step, op in enumerate(placement.ops):
        made = () if isinstance(op, VIEWS) else op.outputs
        steps += [(step, tensor) for tensor in (made if written else (*op.inputs, *op.outputs))]
    for step, tensor in steps:
        if layout.lowering.address(tensor).region == "arena":
            found.setdefault(placement.views[tensor].storage, []).append(step)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_each_border_is_cleared_once_before_its_map_is_written(family: str, tmp_path: Path) -> None:
    layout = laid_out(family, tmp_path)
    views = layout.placement.views
    steps = [(views[each].storage, step) for step, some in clearings(layout.placement).items() for each in some]
    cleared = dict(steps)
    assert len(cleared) == len(steps)
    assert cleared.keys() == {view.storage for view in views.values() if view.storage.halo}
    written = touched(layout, written=True)
    largest = max(view.storage.bytes for view in views.values())
    for storage, step in steps:
        begin = min(written.get(storage, [0]))
        assert step <= begin if storage.bytes <= largest // SMALL else step == begin


@pytest.mark.parametrize("family", FAMILIES)
def test_a_map_has_its_memory_from_when_its_border_is_cleared(family: str, tmp_path: Path) -> None:
    layout = laid_out(family, tmp_path)
    offsets = layout.lowering.offsets
    for (one, first), (other, second) in combinations(touched(layout, written=False).items(), 2):
        begins = offsets[one].offset, offsets[other].offset
        apart = begins[0] + one.bytes <= begins[1] or begins[1] + other.bytes <= begins[0]
        assert apart or max(first) < min(second) or max(second) < min(first)


def test_borders_of_small_maps_share_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = laid_out("yolov8", tmp_path)
    found = [call.spec.borders for call in layout.calls if isinstance(call.spec, HaloKernel)]
    assert len(found) < sum(map(len, found))
    monkeypatch.setattr(borders, "STRETCH", 1)
    apart = [call.spec.borders for call in laid_out("yolov8", tmp_path).calls if isinstance(call.spec, HaloKernel)]
    assert sum(map(len, apart)) == sum(map(len, found)) and len(apart) > len(found)
