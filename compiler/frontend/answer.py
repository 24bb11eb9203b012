"""What is done in the process that reads a model file: what the folder's request asks, within its limits."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from google.protobuf.message import EncodeError

from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.sandbox import ERRORS, REQUEST, write_json, write_result


def answer(folder: Path) -> None:
    """Do what the folder's request asks and leave the result there, or say on stdout why it cannot be written."""
    # Native libraries print, too, and what they print is no answer.
    complaint = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = json.loads((folder / REQUEST).read_text())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_AS, request["limit_bytes"])
    _limit(resource.RLIMIT_CPU, request["limit_seconds"])
    result = read(request)
    try:
        if isinstance(result, Model):
            write_result(folder, result)
        else:
            write_json(folder, result)
    except (MemoryError, EncodeError):
        write_json(folder, too_large(request))
    except OSError as error:
        print(error.strerror or error, file=complaint, flush=True)


def _limit(kind: int, most: int) -> None:
    """At most so much of a resource, or less where whoever started us was given less."""
    _, given = resource.getrlimit(kind)
    allowed = most if given == resource.RLIM_INFINITY else min(most, given)
    resource.setrlimit(kind, (allowed, given))


def read(request: dict[str, Any]) -> Model | dict[str, str]:
    """The model, or what keeps it from being read."""
    classes = request["classes"]
    try:
        return prepare(
            Path(request["path"]),
            None if request["imgsz"] is None else tuple(request["imgsz"]),
            None if classes is None else tuple(classes),
            frozenset(request["supported"]),
            request["pixels"],
            request["frames"],
        )
    except tuple(ERRORS.values()) as error:
        return {"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy}
    except (MemoryError, EncodeError):  # the latter is what protocol buffers make of it
        return too_large(request)
    except Exception:  # noqa: BLE001 - whatever it is, the parent must hear of it
        return {"bug": traceback.format_exc().strip().splitlines()[-1]}


def too_large(request: dict[str, Any]) -> dict[str, str]:
    """The error of a model that memory does not hold."""
    problem = f"{request['path']} takes more than {request['limit_bytes'] >> 30} GB to read"
    return {"error": "ModelError", "problem": problem, "remedy": "export the model again"}
