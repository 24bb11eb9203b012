"""A task's checkpoint as ONNX: batch norm folded, weights in half precision, with the metadata YOLO exporters leave."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from examples.shapes.cache import SIZE
from examples.shapes.export import folded
from examples.shapes.model import STRIDES
from examples.shapes.outlines import CLASSES
from examples.shapes.task_labels import KEYPOINTS
from examples.shapes.tasks.model import DETAILS, TaskDecode, TaskDetector

_OPSET = 13
_SMALL = 64  # numbers of a tensor that stay as they are


class Deployed(nn.Module):
    """Image batch to decoded candidates, and prototypes where the task has some."""

    def __init__(self, model: TaskDetector) -> None:
        super().__init__()
        self.model = folded(model)
        self.decode = TaskDecode(model.task, SIZE, SIZE)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """What the exported graph computes."""
        found = self.model(images)
        decoded = self.decode(found)
        return (decoded,) if found.prototypes is None else (decoded, found.prototypes)


def export(checkpoint: Path, task: str, output: Path) -> None:
    """Write the ONNX file of a checkpoint."""
    model = TaskDetector(task)
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    buffer = io.BytesIO()
    torch.onnx.export(
        Deployed(model).eval(),
        (torch.zeros(1, 3, SIZE, SIZE),),
        buffer,
        input_names=["images"],
        output_names=["output0", "output1"][: 1 + (task == "segment")],
        opset_version=_OPSET,
        dynamo=False,
    )
    made = halved(onnx.load_from_string(buffer.getvalue()))
    stated = {
        "description": f"Sample of {task} on synthetic shapes",
        "license": "Apache-2.0",
        "names": str(dict(enumerate(CLASSES))),
        "stride": str(max(STRIDES)),
        "imgsz": str([SIZE, SIZE]),
        "task": task,
        "batch": "1",
        **({"kpt_shape": str([KEYPOINTS, 3])} if task == "pose" else {}),
    }
    helper.set_model_props(made, stated)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, str(output))


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its weights stored in half precision, and widened where they are used."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > _SMALL:
            stored = f"{tensor.name}_half"
            casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
    return model


def main() -> None:
    """Export a folder of checkpoints (see train.py)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path, help="a folder")
    parser.add_argument("--tasks", nargs="+", choices=DETAILS, default=list(DETAILS))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        export(options.folder / f"{task}.pt", task, options.output / f"shapes-{task}.onnx")


if __name__ == "__main__":
    main()
