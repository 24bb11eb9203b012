"""The sample detector and pictures for it, shipped so that nothing is downloaded; see examples/shapes."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent

MODEL = _FOLDER / "shapes.onnx"
IMAGES = tuple(_FOLDER / f"{name}.jpg" for name in ("quiet", "portrait", "crowd", "wide"))
