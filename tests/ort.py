"""ONNX Runtime as tests run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime


def session(model: bytes | str | Path, options: onnxruntime.SessionOptions | None = None, **more: Any) -> Any:
    """A session of one thread: more would wait for each other busily, on processors that other tests want."""
    options = options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], **more)
