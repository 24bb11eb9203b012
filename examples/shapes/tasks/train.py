"""Train the samples of tasks, from the shipped detector on: one after another, each for so many seconds or steps.

python -m examples.shapes.tasks.train CACHE FOLDER [--device cuda] [--seconds 50]
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from examples.shapes.cache import SIZE
from examples.shapes.scenes import TRAIN_SEED
from examples.shapes.tasks.loss import TaskLoss
from examples.shapes.tasks.model import DETAILS, TaskDetector, start_from
from examples.shapes.tasks.scenes import TaskScenes

START = Path(__file__).parents[3] / "cli" / "sample" / "shapes.onnx"
_WARMUP = 100
_WEIGHT_DECAY = 0.01
_AVERAGE = 0.995  # of a thousand steps or so: what it looks back on is their slow end
_CLIP = 10.0


@dataclass(frozen=True)
class Plan:
    """How long and how fast; the rate falls along a cosine of whichever of steps and seconds ends first."""

    steps: int
    seconds: float
    batch: int
    rate: float

    def progress(self, step: int, began: float) -> float:
        """How much of it is done, 0..1."""
        return min(1.0, max(step / self.steps, (time.monotonic() - began) / self.seconds))

    def rate_at(self, step: int, progress: float) -> float:
        """The step's learning rate."""
        cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2
        return self.rate * cosine * min(1.0, (step + 1) / _WARMUP)


def train(task: str, scenes: TaskScenes, plan: Plan, device: torch.device) -> nn.Module:
    """The moving average of a task's network at the end."""
    model = TaskDetector(task)
    start_from(model, START)
    model = model.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    loss = TaskLoss(task, SIZE, device)
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in model.parameters() if (p.ndim > 1) == decayed], "weight_decay": decay}
         for decayed, decay in ((True, _WEIGHT_DECAY), (False, 0.0))],
        lr=plan.rate,
    )  # fmt: skip
    began, step, progress = time.monotonic(), 0, 0.0
    while progress < 1:
        images, objects = scenes.batch(plan.batch)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step, progress)
        with torch.autocast(device.type, torch.bfloat16):
            found = model(images.contiguous(memory_format=torch.channels_last))
        total, parts = loss(found, objects)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        step += 1
        follow(average, model.state_dict(), _AVERAGE * (1 - math.exp(-step / 200)))
        progress = plan.progress(step, began)
        if step % 50 == 0 or progress == 1:
            told = " ".join(f"{name} {value.item():.3f}" for name, value in parts.items())
            print(f"{task} step {step} {100 * progress:.0f}% loss {total.item():.3f} {told}", flush=True)
    return average


@torch.no_grad()
def follow(average: nn.Module, state: dict[str, Tensor], keep: float) -> None:
    """Move the average towards the network."""
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(state[name], 1 - keep)
        else:
            value.copy_(state[name])


def main() -> None:
    """Train from a cache (see cache.py) into checkpoints, `segment.pt` and so on (see export.py)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=DETAILS, default=list(DETAILS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=1e9, help="of each task, if its steps take longer")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    scenes = TaskScenes(options.cache, device, options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(options.steps, options.seconds, options.batch, options.rate)
    for task in options.tasks:
        average = train(task, scenes, plan, device)
        torch.save(average.cpu().state_dict(), options.folder / f"{task}.pt")


if __name__ == "__main__":
    main()
