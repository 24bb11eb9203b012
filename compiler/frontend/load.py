"""The front end's story: from a model file to a `Model` that the compiler can trust.

Nothing in the file is trusted. The libraries that read ONNX are native code, which malformed files can crash,
so the whole of `prepare` runs in a process of its own (see `sandbox`); a crash is one more reason to refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zcc.compiler.frontend import (
    batch,
    cell_offsets,
    check,
    endings,
    find_task,
    names,
    operators,
    pixel_form,
    probe,
    prune,
    qdq,
    queries,
    simplify,
)
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.read_file import read_model
from zcc.compiler.frontend.sandbox import run_in_sandbox
from zcc.compiler.frontend.single_precision import to_float32
from zcc.compiler.ir.heads.table import family_of

USUAL_PIXELS: Mapping[str, Any] = MappingProxyType({})


def load_model(
    path: Path,
    imgsz: tuple[int, int] | None = None,
    classes: Path | None = None,
    pixels: Mapping[str, Any] = USUAL_PIXELS,
    frames: int = 1,
) -> Model:
    """The detector in an ONNX file, ready to be compiled, or a ModelError or UsageError that says why not.

    `imgsz` (height, width) pins dynamic axes; `classes` names a file with one class name per line; `pixels` are fields
    of pixel_form.PixelForm, where the file does not say what it takes for a pixel; `frames` is how many a call is for.
    """
    given = None if classes is None else names.read_class_file(classes)
    return run_in_sandbox(path, imgsz, given, operators.supported_operators(), pixels, frames)


def prepare(
    path: Path,
    imgsz: tuple[int, int] | None,
    classes: tuple[str, ...] | None,
    supported: Collection[str],
    pixels: Mapping[str, Any] = USUAL_PIXELS,
    frames: int = 1,
) -> Model:
    """What `load_model` promises, done here and now: hostile bytes may take the process down."""
    proto, sha256 = read_model(path)
    qdq.refuse_integer_operators(proto)
    check.check_model(proto)
    known = classes if classes is not None else names.from_metadata(proto)
    taken = batch.batch_of(proto)
    proto = batch.take_one(proto, check.input_size(proto, imgsz), frames)
    size = check.pin_input(proto, imgsz)
    form = pixel_form.form_of(proto, pixels)
    proto, quantisations = qdq.take_out(pixel_form.taking_usual_pixels(to_float32(proto), form))
    proto = simplify.simplify(proto)
    samples = probe.sample_outputs(proto, probe.probe_images(size))
    count = None if known is None else len(known)
    if (offsets := cell_offsets.find_offsets(samples, size)) is not None:
        proto, samples = cell_offsets.decode(proto, samples, offsets)
        count = offsets.classes if count is None else count
    found = find_task.find_task(proto, samples, size, count)
    head = found.head
    probe.refuse_rubbish(samples[head.output][0])
    if head.final:
        proto, head = endings.take_over(proto, head, size)
    if not head.bare and family_of(head).queries:
        proto, head = queries.in_pixels(proto, head, size)
    proto = prune.keep_outputs(proto, head, found.task)
    operators.refuse_unsupported(proto, supported)
    return Model(
        proto=proto,
        input=proto.graph.input[0].name,
        height=size[0],
        width=size[1],
        head=head,
        class_names=known if known is not None else names.numbered(head.classes),
        sha256=sha256,
        quantisations=quantisations,
        pixels={} if form == pixel_form.USUAL else asdict(form),
        task=found.task.info,
        prototypes=found.task.prototypes,
        batch=frames,
        notes=(*batch.notes(taken, frames), *(() if form == pixel_form.USUAL else (form.describe(),))),
    )
