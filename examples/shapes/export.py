"""A checkpoint's averaged weights as ONNX: batch norm folded, with the metadata YOLO exporters leave."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TypeVar

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from examples.shapes.model import STRIDES, ConvBlock, Decode, Detector
from examples.shapes.outlines import CLASSES

_OPSET = 13

Module = TypeVar("Module", bound=nn.Module)


class Deployed(nn.Module):
    """Image batch to decoded detections (B, 4 + C, N)."""

    def __init__(self, detector: Detector, height: int, width: int) -> None:
        super().__init__()
        self.detector = folded(detector)
        self.decode = Decode(height, width)

    def forward(self, images: Tensor) -> Tensor:
        """What the exported graph computes."""
        decoded: Tensor = self.decode(self.detector(images))
        return decoded


def folded(detector: Module) -> Module:
    """The same network with every batch norm inside the convolution before it."""
    detector.eval()
    for block in detector.modules():
        if isinstance(block, ConvBlock) and isinstance(block[1], nn.BatchNorm2d):
            convolution, norm, _ = block
            block[0] = fuse_conv_bn_eval(convolution, norm)
            block[1] = nn.Identity()
    return detector


def export(checkpoint: Path, output: Path, height: int, width: int) -> None:
    """Write the ONNX file of a checkpoint for one input size."""
    detector = Detector(len(CLASSES))
    detector.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    buffer = io.BytesIO()
    torch.onnx.export(
        Deployed(detector, height, width).eval(),
        (torch.zeros(1, 3, height, width),),
        buffer,
        input_names=["images"],
        output_names=["output0"],
        opset_version=_OPSET,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(
        model,
        {
            "description": "Sample detector of synthetic shapes",
            "license": "Apache-2.0",
            "names": str(dict(enumerate(CLASSES))),
            "stride": str(max(STRIDES)),
            "imgsz": str([height, width]),
            "task": "detect",
            "batch": "1",
        },
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(output))


def main() -> None:
    """Export a checkpoint (see train.py) as ONNX."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--height", type=int, default=320)
    parser.add_argument("--width", type=int, default=320)
    options = parser.parse_args()
    export(options.checkpoint, options.output, options.height, options.width)


if __name__ == "__main__":
    main()
