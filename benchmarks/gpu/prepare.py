"""Compile what a machine with a card is to check and time, and write down what it must give.

python -m benchmarks.gpu.prepare [--arch sm_90] [-o build/gpu]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.gpu import cpu
from benchmarks.gpu.case import Array, Case, PostCheck, PreCheck
from benchmarks.gpu.frames import noise
from benchmarks.gpu.maps import Both, anchored, decoded, dfl, scene
from zcc.compiler.backends.cuda.check_plan import check_plan
from zcc.compiler.backends.cuda.frame.heads import FrameHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.backends.cuda.frame.kernels import FrameKernels
from zcc.compiler.backends.cuda.frame.part import join
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Place, Plan, PlanTensor
from zcc.runtime.manifest import InputSpec

SPEC, SMALL = InputSpec(640, 640), InputSpec(96, 160)
MAX_DET = 300
FORMATS = ("bgr", "rgb", "nv12", "i420", "gray")
SIZES = ((2, 2), (2, 6), (64, 2), (96, 160), (97, 161), (130, 33), (240, 320), (1080, 1920))
HEADS = {
    "columns": Head("v8", "output", 8400, 80, objectness=False, candidates_last=True),
    "rows": Head("v5", "output", 25200, 80, objectness=True, candidates_last=False),
    "few-rows": Head("v5", "output", 315, 3, objectness=True, candidates_last=False),
    "final": Head("v10", "output", 300, 80, objectness=False, candidates_last=False, final=True),
    "pairs": Head("v8", "output", 1000, 20, objectness=False, candidates_last=True, every_class=True),
}
LAYOUTS = {
    "uint8": (InputSpec(96, 160), 1.0),
    "float16": (InputSpec(160, 96), 1.0),
    "float32": (InputSpec(96, 160, resize="stretch"), 1 / 255),
    "bfloat16": (InputSpec(64, 96, color="rgb"), 1.0),
}


def build(name: str, arch: str, spec: InputSpec, layout: ImageLayout, head: FrameHead, maps_bytes: int) -> Program:
    """The frame's kernels as a plan without a network: the head's memory holds whatever was written there."""
    overlaps = Capability(int(arch.removeprefix("sm_"))).overlaps
    kernels = FrameKernels(spec, layout, head, MAX_DET, overlaps=overlaps)
    maps_end = -(-maps_bytes // 256) * 256
    image = Place("arena", maps_end)
    scratch = Place("arena", maps_end + -(-layout.size(spec.height, spec.width) // 256) * 256)
    sources = (kernels.preprocess_source, kernels.postprocess_source)
    compiled = {source.module: source.compile(arch) for source in sources}
    sizes = {
        "weights": 0,
        "arena": scratch.offset + kernels.scratch_bytes,
        "parameters": PARAMETERS_SIZE,
        "result": ResultLayout(MAX_DET).size,
    }
    tensors = {
        "maps": PlanTensor(Place("arena", 0), "uint8", (maps_bytes,)),
        "image": PlanTensor(image, "uint8", (layout.size(spec.height, spec.width),)),
    }
    plan = Plan(
        arch,
        sizes,
        tuple(compiled),
        join([kernels.preprocess(image, scratch), kernels.postprocess(scratch)]),
        tensors,
        zeroed=(*kernels.zeroed(scratch), *head.reads()),
    )
    check_plan(plan)
    modules = {module: Module(made.cubin, made.ptx) for module, made in compiled.items()}
    return Program(plan, modules, np.zeros(0, np.uint8), name, spec, MAX_DET)


def maps_bytes(both: Both) -> int:
    """How much memory a head has on a card."""
    return both.lay([np.zeros(shape, np.float32) for shape in both.shapes]).size


def head_case(name: str, arch: str, both: Both, counts: tuple[int, ...], timed: bool = False) -> Case:
    """A head with scenes of several sizes, each of a single class and of many."""
    program = build(name, arch, SPEC, ImageLayout("float16", SPEC.width), both.cuda, maps_bytes(both))
    reference = cpu.Postprocess(both.cpu, SPEC, MAX_DET)
    arrays: dict[str, Array] = {}
    checks = []
    classes = both.cpu.classes
    for seed, count in enumerate(counts):
        for labels in (1, classes):
            scene_name = f"{count} of {labels}"
            maps = scene(both, count, labels, seed)
            arrays[f"{scene_name} maps"] = both.lay(maps)
            for conf, iou in ((0.25, 0.45), (0.001, 0.7)) if not timed else ((0.25, 0.45),):
                key = f"{scene_name} {conf}"
                found = reference(both.pack(maps).reshape(both.cpu.shape), (1080, 1920), conf, iou)
                parts = dict(zip(("boxes", "scores", "classes"), found, strict=True))
                arrays |= {f"{key} {part}": array for part, array in parts.items()}
                checks.append(
                    PostCheck(key, (1080, 1920), conf, iou, f"{scene_name} maps", *(f"{key} {part}" for part in parts))
                )
    return Case(name, program, arrays, checks, timed=timed)


def image_case(dtype: str, arch: str) -> Case:
    """A small input of one type, and frames of every format and of nasty sizes."""
    spec, scale = LAYOUTS[dtype]
    both = dfl(SMALL, 6, "float16")
    program = build(f"image-{dtype}", arch, spec, ImageLayout(dtype, spec.width, scale), both.cuda, maps_bytes(both))
    arrays: dict[str, Array] = {}
    checks = []
    for seed, (name, size, pitch) in enumerate((f, s, p) for f in FORMATS for s in SIZES for p in (0, 13)):
        even = (size[0] & ~1, size[1] & ~1) if name in ("nv12", "i420") else size
        levels, edges = cpu.levels(spec, name, noise(name, even, seed, pitch))
        arrays[f"levels {seed}"] = levels
        checks.append(PreCheck(name, even, seed, f"levels {seed}", edges, pitch))
    return Case(f"image-{dtype}", program, arrays, pre=checks, scale=scale)


def cases(arch: str) -> Iterator[Case]:
    """All of them."""
    for dtype in LAYOUTS:
        yield image_case(dtype, arch)
    yield head_case("dfl-float16", arch, dfl(SPEC, 80, "float16"), (5, 500, 5000), timed=True)
    yield head_case("anchors-float16", arch, anchored(SPEC, 80, "float16"), (5, 500, 5000), timed=True)
    yield head_case("dfl-float32", arch, dfl(SMALL, 6, "float32"), (0, 3, 200))
    yield head_case("anchors-float32", arch, anchored(SMALL, 1, "float32"), (1, 65, 900))
    for name, head in HEADS.items():
        yield head_case(name, arch, decoded(head), (0, 64, min(head.candidates, 10000)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("-o", "--output", type=Path, default=Path("build/gpu"))
    options = parser.parse_args()
    for case in cases(options.arch):
        case.save(options.output)
        print(f"{case.name}: {len(case.pre) + len(case.post)} checks", flush=True)


if __name__ == "__main__":
    main()
