"""The sample detector, those of other tasks, and pictures for them, shipped so that nothing is downloaded.

examples/shapes trains them.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent

MODEL = _FOLDER / "shapes.onnx"
_OTHERS = {path.stem.partition("-")[2]: path for path in sorted(_FOLDER.glob("shapes-*.onnx"))}
MODELS = {"detect": MODEL, **_OTHERS}  # by task
IMAGES = tuple(_FOLDER / f"{name}.jpg" for name in ("quiet", "portrait", "crowd", "wide"))
