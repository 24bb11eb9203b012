"""The fingerprint of a build: a hash of everything that decides its result."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import onnx
import tvm

from zcc.version import __version__

SOURCES = (".py", ".cu", ".cuh")


def fingerprint(inputs: dict[str, Any]) -> str:
    """The hash of what went into a build, tools and their code included."""
    everything = {"inputs": inputs, "versions": tool_versions(), "code": code_digest()}
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def tool_versions() -> dict[str, str]:
    """The versions of what builds an artifact."""
    return {
        "zcc": __version__,
        "tvm": tvm.__version__,
        "onnx": onnx.__version__,
        "numpy": numpy.__version__,
    }


@cache
def code_digest() -> str:
    """The hash of the compiler's own source: a changed compiler is another compiler, whatever its version says."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for path in sorted(path for path in root.rglob("*") if path.suffix in SOURCES):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
