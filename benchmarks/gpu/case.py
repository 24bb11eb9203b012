"""A program for a card together with what it must give: a folder of a plan, modules, and arrays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.cuda_program import Program, read_program
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]


@dataclass(frozen=True)
class PostCheck:
    """What the postprocess must find in the head's maps."""

    name: str
    size: tuple[int, int]  # of the frame
    conf: float
    iou: float
    maps: str  # names of arrays: the head's memory, and what is expected
    boxes: str
    scores: str
    classes: str


@dataclass(frozen=True)
class PreCheck:
    """What the preprocess must make of a frame of noise."""

    format: str
    size: tuple[int, int]
    seed: int
    levels: str  # the expected grey levels, and edges
    edges: float
    pitch: int  # bytes behind each row


@dataclass(frozen=True)
class Case:
    """One program, its checks, and whether it is worth timing."""

    name: str
    program: Program
    arrays: dict[str, Array]
    post: list[PostCheck] = field(default_factory=list)
    pre: list[PreCheck] = field(default_factory=list)
    scale: float = 1.0  # of the image's elements
    timed: bool = False

    def save(self, home: Path) -> None:
        """Write it into a folder of its name."""
        folder = home / self.name
        folder.mkdir(parents=True, exist_ok=True)
        program = self.program
        program.write(folder)
        about = {
            "input": asdict(program.input),
            "max_det": program.max_det,
            "post": [asdict(each) for each in self.post],
            "pre": [asdict(each) for each in self.pre],
            "scale": self.scale,
            "timed": self.timed,
        }
        (folder / "case.json").write_text(json.dumps(about))
        np.savez_compressed(folder / "arrays.npz", **self.arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Case:
        """Read one back."""
        about = json.loads((folder / "case.json").read_text())
        spec = InputSpec(**about["input"])
        return cls(
            folder.name,
            read_program(folder, spec, about["max_det"], folder.name),
            dict(np.load(folder / "arrays.npz")),
            [PostCheck(**{**each, "size": tuple(each["size"])}) for each in about["post"]],
            [PreCheck(**{**each, "size": tuple(each["size"])}) for each in about["pre"]],
            about["scale"],
            about["timed"],
        )
