"""Answers to queries: boxes in parts of the input, made boxes in its pixels, as all other heads have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from zcc.compiler.frontend.endings import NEVER, with_output
from zcc.compiler.ir.heads.head import Head, Suppression

PIXELS = "zcc_pixels"


def in_pixels(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> tuple[onnx.ModelProto, Head]:
    """The model with its boxes multiplied by the input's size, and the head that it then has."""
    factors = np.ones((1, 1, head.attributes), np.float32)
    factors[..., :4] = (size[1], size[0]) * 2
    found = with_output(proto, PIXELS, list(head.shape))
    found.graph.initializer.append(numpy_helper.from_array(factors, f"{PIXELS}_factors"))
    found.graph.node.append(helper.make_node("Mul", [head.output, f"{PIXELS}_factors"], [PIXELS]))
    return found, replace(head, output=PIXELS, suppression=Suppression(NEVER, 0.0))
