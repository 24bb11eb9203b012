"""A detector for a card: preprocess, network and postprocess as one plan, with its kernels and weights."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import numpy as np

from zcc.compiler.backends.cuda.check_plan import check_plan
from zcc.compiler.backends.cuda.frame.heads import (
    AnchorHead,
    AnchorScale,
    DecodedHead,
    DflHead,
    DflScale,
    FrameHead,
    HeadMap,
)
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.backends.cuda.frame.kernels import FrameKernels
from zcc.compiler.backends.cuda.frame.part import Part, join
from zcc.compiler.backends.cuda.launches import MODULE
from zcc.compiler.backends.cuda.lower_conv import image_scale
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.pipeline import NetworkPlan, lower_network
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tiles import Choose
from zcc.compiler.importing.imported import Imported
from zcc.compiler.ir.heads.decoding import RawHead
from zcc.compiler.ir.ops import Network
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Place, Plan, PlanTensor

ALIGNED = 256


def build_program(
    model: Imported, network: Network, capability: Capability, precision: str, choose: Choose | None = None
) -> Program:
    """The model in a precision, for cards of a capability; `network` is the model's in that precision."""
    return assemble(model, lower_network(network, capability, precision, choose), capability)


def assemble(model: Imported, planned: NetworkPlan, capability: Capability) -> Program:
    """Preprocess and postprocess on either side of a planned network, all of them compiled."""
    image, dtype = planned.image, planned.image_format
    layout = ImageLayout(dtype, image.shape[2], image_scale(dtype), image.shape[3])
    suppression = model.model.head.suppression
    head, overlaps = frame_head(model, planned), capability.overlaps
    kernels = FrameKernels(model.input, layout, head, model.max_det, suppression, overlaps)
    scratch = Place("arena", -(-planned.arena_bytes // ALIGNED) * ALIGNED)
    frame = (kernels.preprocess_source, kernels.postprocess_source)
    compiled = {source.module: source.compile(capability.arch) for source in frame}
    compiled[MODULE] = compile_cuda(planned.source, capability.arch)
    parts = [kernels.preprocess(image.place, scratch), Part(planned.launches), kernels.postprocess(scratch)]
    sizes = {
        "weights": len(planned.weights),
        "arena": scratch.offset + kernels.scratch_bytes,
        "parameters": PARAMETERS_SIZE,
        "result": ResultLayout(model.max_det).size,
    }
    tensors = {"input": image, **{f"map{index}": tensor for index, tensor in enumerate(planned.maps)}}
    zeroed = (*planned.zeroed, *kernels.zeroed(scratch))
    plan = Plan(capability.arch, sizes, tuple(compiled), join(parts), tensors, zeroed=zeroed)
    check_plan(plan)
    modules = {module: Module(made.cubin, made.ptx) for module, made in compiled.items()}
    weights = np.frombuffer(planned.weights, np.uint8)
    return Program(plan, modules, weights, sha256(planned.weights).hexdigest(), model.input, model.max_det)


def frame_head(model: Imported, planned: NetworkPlan) -> FrameHead:
    """The head as the postprocess kernels read it, from the maps of a planned network or from its decoded output."""
    if model.raw is None:
        return DecodedHead(model.model.head, planned.maps[0].place)
    return HEADS[model.raw.decoding.name](model.raw, planned)


def _distributed(raw: RawHead, planned: NetworkPlan) -> FrameHead:
    pairs = zip(planned.maps[::2], planned.maps[1::2], strict=True)
    scales = [
        DflScale(scale.stride, boxes.shape[1], boxes.shape[2], _map(boxes), _map(scores))
        for scale, (boxes, scores) in zip(raw.scales, pairs, strict=True)
    ]
    return DflHead(raw.classes, planned.map_format, tuple(scales))


def _anchored(raw: RawHead, planned: NetworkPlan) -> FrameHead:
    scales = [
        AnchorScale(scale.stride, tensor.shape[1], tensor.shape[2], _map(tensor), scale.anchors)
        for scale, tensor in zip(raw.scales, planned.maps, strict=True)
    ]
    return AnchorHead(raw.classes, planned.map_format, tuple(scales))


def _map(tensor: PlanTensor) -> HeadMap:
    return HeadMap(tensor.place, tensor.shape[3])


# By the name of the decoding.
HEADS: dict[str, Callable[[RawHead, NetworkPlan], FrameHead]] = {"distributed": _distributed, "anchors": _anchored}
