"""Train the sample detector on cached scenes; a checkpoint can be exported at any time."""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.shapes.loss import DetectionLoss
from examples.shapes.model import Detector
from examples.shapes.outlines import CLASSES
from examples.shapes.scenes import TRAIN_SEED

_WARMUP = 150
_WEIGHT_DECAY = 0.02
_AVERAGE = 0.998
_CLIP = 10.0
_SAVE_EVERY = 200


class Scenes:
    """Cached scenes in random order, turned, mirrored and recoloured at random."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self._images = np.load(folder / "images.npy", mmap_mode="r")
        self._boxes = np.load(folder / "boxes.npy")
        self._classes = np.load(folder / "classes.npy")
        self._rng = rng
        self._order: list[int] = []

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Images (B, 3, S, S) in 0..1, boxes (B, M, 4), classes (B, M) with -1 for padding."""
        if len(self._order) < size:
            self._order = self._rng.permutation(len(self._images)).tolist()
        picks = [self._order.pop() for _ in range(size)]
        pairs = [self._augmented(self._images[pick], self._boxes[pick]) for pick in picks]
        classes = self._classes[picks]
        most = max(1, int((classes >= 0).sum(axis=1).max()))
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))
        boxes = torch.from_numpy(np.stack([boxes[:most] for _, boxes in pairs]))
        return images.permute(0, 3, 1, 2).float() / 255, boxes, torch.from_numpy(classes[:, :most])

    def _augmented(
        self, image: NDArray[np.uint8], boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        size = image.shape[0]
        x0, y0, x1, y1 = boxes.T
        image = image[..., self._rng.permutation(3)]
        if self._rng.random() < 0.5:
            image, x0, x1 = image[:, ::-1], size - x1, size - x0
        if self._rng.random() < 0.5:
            image, y0, y1 = image[::-1], size - y1, size - y0
        if self._rng.random() < 0.5:
            image, x0, y0, x1, y1 = image.swapaxes(0, 1), y0, x0, y1, x1
        if self._rng.random() < 0.1:
            image = 255 - image
        return np.ascontiguousarray(image), np.stack([x0, y0, x1, y1], axis=1).astype(np.float32)


class Trainer:
    """The network, its moving average and its optimiser, on a cosine from a warm start to nothing."""

    def __init__(self, size: int, steps: int, rate: float) -> None:
        self.model = Detector(len(CLASSES)).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.step = 0
        self._steps = steps
        self._rate = rate
        self._loss = DetectionLoss(size, size)
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        free = [p for p in self.model.parameters() if p.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}],
            lr=rate,
        )

    def train_on(self, images: Tensor, boxes: Tensor, classes: Tensor) -> str:
        """One step; what to say of it."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate_now()
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.model(images.contiguous(memory_format=torch.channels_last))
        loss = self._loss(raw, boxes, classes)
        self._optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)
        self._optimizer.step()
        self.step += 1
        self._follow()
        parts = f"class {loss.classes:.3f} box {loss.boxes:.3f} edge {loss.edges:.3f}"
        return f"loss {loss.total.item():.3f} {parts}"

    def save(self, path: Path) -> None:
        """Write everything a later run needs to go on, atomically."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Go on where a saved run stopped."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _rate_now(self) -> float:
        progress = min(1.0, self.step / self._steps)
        cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2
        return self._rate * cosine * min(1.0, (self.step + 1) / _WARMUP)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network; quickly at first, when there is little worth averaging."""
        keep = _AVERAGE * (1 - math.exp(-self.step / 300))
        state = self.model.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(state[name], 1 - keep)
            else:
                value.copy_(state[name])


def train(scenes: Scenes, trainer: Trainer, steps: int, batch: int, output: Path) -> None:
    """Run up to `steps` in all, logging and saving on the way."""
    started, first = time.monotonic(), trainer.step
    while trainer.step < steps:
        line = trainer.train_on(*scenes.batch(batch))
        if trainer.step % 20 == 0:
            rate = (trainer.step - first) * batch / (time.monotonic() - started)
            print(f"step {trainer.step}/{steps} {line} {rate:.1f} images/s", flush=True)
        if trainer.step % _SAVE_EVERY == 0 or trainer.step == steps:
            trainer.save(output)


def main() -> None:
    """Train from a cache (see cache.py) into a checkpoint (see export.py)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=3400)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", type=Path)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options.size, options.steps, options.rate)
    if options.resume:
        trainer.resume(options.resume)
    scenes = Scenes(options.cache, np.random.default_rng([options.seed, trainer.step]))
    train(scenes, trainer, options.steps, options.batch, options.output)


if __name__ == "__main__":
    main()
