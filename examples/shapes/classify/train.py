"""Train the sample that classifies, from the shipped detector's backbone on, and write it as ONNX.

python -m examples.shapes.classify.train shapes-classify.onnx [--device cuda]
"""

from __future__ import annotations

import argparse
import io
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional

from examples.shapes.classify.model import Classifier, start_from
from examples.shapes.classify.pictures import SIZE, make_picture, to_input
from examples.shapes.outlines import CLASSES
from examples.shapes.scenes import TRAIN_SEED
from examples.shapes.tasks.export import halved
from examples.shapes.tasks.train import START

_OPSET = 13
_CHUNK = 16

Pictures = tuple[NDArray[np.uint8], NDArray[np.int64]]


class Deployed(nn.Module):
    """Image batch to probabilities."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """What the exported graph computes."""
        return functional.softmax(self.model(images), dim=1)


def drawn(index: int) -> tuple[NDArray[np.uint8], int]:
    """A picture to learn from, as the network gets it, and its class."""
    picture, number = make_picture(TRAIN_SEED, index)
    return to_input(picture), number


def draw(count: int, processes: int) -> Pictures:
    """So many of them."""
    with Pool(processes) as pool:
        found = pool.map(drawn, range(count), chunksize=_CHUNK)
    return np.stack([image for image, _ in found]), np.array([number for _, number in found])


def batches(pictures: Pictures, steps: int, size: int, device: torch.device) -> list[Tensor]:
    """Which pictures each step sees: all of them, again and again, each time in another order."""
    random = torch.Generator().manual_seed(TRAIN_SEED)
    turns = -(-steps * size // len(pictures[0]))
    order = torch.cat([torch.randperm(len(pictures[0]), generator=random) for _ in range(turns)])
    return [part.to(device) for part in order.split(size)[:steps]]


def varied(images: Tensor) -> Tensor:
    """Pictures (B, S, S, 3) as a batch in 0..1, mirrored, turned and recoloured at random."""
    images = images[..., torch.randperm(3)].permute(0, 3, 1, 2).float() / 255
    sides, upside, turned, negative = (torch.rand(4) < torch.tensor([0.5, 0.5, 0.5, 0.1])).tolist()
    images = images.flip(3) if sides else images
    images = images.flip(2) if upside else images
    images = images.transpose(2, 3) if turned else images
    return 1 - images if negative else images


def train(pictures: Pictures, steps: int, size: int, rate: float, device: torch.device) -> Classifier:
    """The network at the end of a rate that rises and falls once."""
    model = Classifier()
    start_from(model, START)
    model.to(device)
    images, classes = (torch.from_numpy(part).to(device) for part in pictures)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step, picked in enumerate(batches(pictures, steps, size, device), 1):
        loss = functional.cross_entropy(model(varied(images[picked])), classes[picked])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps:
            print(f"step {step} loss {loss.item():.3f}", flush=True)
    return model.cpu().eval()


def export(model: Classifier, output: Path) -> None:
    """Write the ONNX file, with the metadata that YOLO exporters leave."""
    buffer = io.BytesIO()
    torch.onnx.export(
        Deployed(model).eval(),
        (torch.zeros(1, 3, SIZE, SIZE),),
        buffer,
        input_names=["images"],
        output_names=["output0"],
        opset_version=_OPSET,
        dynamo=False,
    )
    made = halved(onnx.load_from_string(buffer.getvalue()))
    stated = {
        "description": "Sample of classify on synthetic shapes",
        "license": "Apache-2.0",
        "names": str(dict(enumerate(CLASSES))),
        "imgsz": str([SIZE, SIZE]),
        "task": "classify",
        "batch": "1",
    }
    helper.set_model_props(made, stated)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, str(output))


def main() -> None:
    """Draw, train, export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.manual_seed(TRAIN_SEED)
    pictures = draw(options.pictures, options.processes)
    export(train(pictures, options.steps, options.batch, options.rate, torch.device(options.device)), options.output)


if __name__ == "__main__":
    main()
