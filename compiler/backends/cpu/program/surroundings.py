"""What surrounds a network in a frame's way through a program."""

from __future__ import annotations

from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.program.emit import FrameSpec
from zcc.compiler.backends.cpu.program.head_readers import read_head
from zcc.compiler.importing.imported import Imported


def frame_of(source: Imported, layout: Layout) -> FrameSpec:
    """How frames go into and out of the imported network, laid out so."""
    head = read_head(source.raw, layout) if source.raw else source.model.head
    model = source.model
    return FrameSpec(source.input, head, source.max_det, model.head.suppression, model.task)
