"""The sample detector and pictures for it, so that nothing needs to be downloaded; made by examples/shapes."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent

MODEL = _FOLDER / "shapes.onnx"
IMAGES = tuple(_FOLDER / f"{name}.jpg" for name in ("quiet", "portrait", "crowd", "wide"))
