"""What a user asks of a compile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.compiler.building.tune_options import TuneOptions
from zcc.compiler.building.wanted import WantedVariants


@dataclass(frozen=True)
class CompileOptions:
    """What the user asks for."""

    model: Path
    name: str | None = None
    dtypes: tuple[str, ...] = ()  # none: int8 for a model that was quantised, fp32 for all others
    target: str = "native"
    strict: bool = False  # whether a dtype that cannot be made is an error, though others can be
    threads: int | None = None  # that a frame's work is cut for: all cores here, as many as a target has of itself
    imgsz: tuple[int, int] | None = None
    classes: Path | None = None
    color: str = "bgr"
    mean: tuple[float, float, float] | None = None  # what the model takes for a pixel: frontend/pixel_form.py
    std: tuple[float, float, float] | None = None
    white: float | None = None
    order: str | None = None
    resize: str | None = None  # as models of the task are trained, unless it is given
    max_det: int = 300
    batch: int = 1  # frames of a call
    calib: Path | None = None  # pictures whose values decide the scales of integers
    data: Path | None = None  # pictures that accuracy is measured on
    tune: TuneOptions | None = None  # search for faster kernels first
    max_drop: float | None = None  # points of mAP50-95 that a variant may lose against fp32; see quality/open_bar.py

    @property
    def pixels(self) -> dict[str, Any]:
        """What the user says of the model's pixels, by the fields of a PixelForm."""
        told = {"mean": self.mean, "std": self.std, "white": self.white, "order": self.order}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def wish(self) -> WantedVariants:
        """The variants asked for."""
        return WantedVariants(self.dtypes, self.target, self.strict, self.threads)
