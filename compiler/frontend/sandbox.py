"""Run the front end in a process of its own, so that a file which crashes native code costs one error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx

from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.room import full, need_room, writing_in
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.compiler.ir.quantisation import Quantisation
from zcc.runtime.errors import BuildError, InputError, ModelError, UsageError
from zcc.runtime.manifest import TaskInfo

LIMIT_SECONDS = 300  # of processor time: that others use the machine, too, is no model's fault
LONGEST_WAIT = 1800  # seconds, for a process that waits for ever, and for machines that hardly get to anything
LIMIT_BYTES = 16 << 30
REQUEST, RESULT, PROTO, COMPLAINTS = "request.json", "result.json", "model.onnx", "stderr.txt"
LAST = 4096  # bytes of what a process complained of that are looked at
ERRORS: dict[str, type[InputError] | type[UsageError]] = {error.__name__: error for error in (ModelError, UsageError)}


def run_in_sandbox(
    path: Path,
    imgsz: tuple[int, int] | None,
    classes: tuple[str, ...] | None,
    supported: Collection[str],
    pixels: Mapping[str, Any],
    frames: int = 1,
) -> Model:
    """What `load.prepare` gives or raises; when its process dies or takes too long, a ModelError."""
    request = {
        "path": str(path.absolute()),
        "imgsz": imgsz,
        "classes": classes,
        "supported": sorted(supported),
        "pixels": dict(pixels),
        "frames": frames,
        "limit_bytes": LIMIT_BYTES,
        "limit_seconds": LIMIT_SECONDS,
    }
    with tempfile.TemporaryDirectory(prefix="zcc-") as name:
        folder = Path(name)
        need_room(folder, path)
        with writing_in(folder):
            (folder / REQUEST).write_text(json.dumps(request))
        code, complaint = spawn(folder, path)
        if complaint:
            raise full(folder, complaint)
        if code == -signal.SIGXCPU:
            raise too_long(path, f"{LIMIT_SECONDS} seconds of processor time")
        if not (folder / RESULT).exists():
            raise ModelError(f"{path} crashed the libraries that read ONNX ({manner(code, folder)})", "export it again")
        return read_result(folder)


def spawn(folder: Path, path: Path) -> tuple[int, str]:
    """Run the worker on a folder; its exit status, and why it could not leave its result there."""
    command = [sys.executable, "-m", "zcc.compiler.frontend.worker", str(folder)]
    # The worker stands in its own folder; what the parent can import, it can.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
    }
    try:
        with (folder / COMPLAINTS).open("wb") as complaints:
            done = subprocess.run(
                command, cwd=folder, env=environment, timeout=LONGEST_WAIT, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints,
            )  # fmt: skip
        return done.returncode, done.stdout.decode(errors="replace").strip()
    except subprocess.TimeoutExpired as error:
        raise too_long(path, f"{LONGEST_WAIT} seconds") from error


def too_long(path: Path, limit: str) -> ModelError:
    """The error of a model that takes for ever to read."""
    return ModelError(f"{path} could not be read in {limit}", "export the model again, with a static input size")


def manner(code: int, folder: Path) -> str:
    """How the worker ended, for messages: the signal that ended it, or its last words."""
    if code < 0:
        return signal.Signals(-code).name
    said = (folder / COMPLAINTS).read_bytes()[-LAST:].decode(errors="replace").strip()
    return f"exit status {code}" + (f": {said.splitlines()[-1]}" if said else "")


def read_result(folder: Path) -> Model:
    """The model that the worker left, or the error it reports."""
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    if "error" in result:
        raise ERRORS[result["error"]](result["problem"], result["remedy"])
    if "bug" in result:
        raise BuildError(f"reading the model failed: {result['bug']}", "report it with the model")
    proto = onnx.load(str(folder / PROTO))
    fields = result["model"]
    quantisations = {name: Quantisation(**known) for name, known in fields["quantisations"].items()}
    task = TaskInfo(**{**fields["task"], "shape": tuple(fields["task"]["shape"])})
    read = {"head": read_head(fields["head"]), "class_names": tuple(fields["class_names"])}
    read |= {"task": task, "notes": tuple(fields["notes"])}
    return Model(proto=proto, **{**fields, **read, "quantisations": quantisations})


def read_head(fields: dict[str, Any]) -> Head:
    """A head as `asdict` wrote it."""
    suppression = fields["suppression"]
    return Head(**{**fields, "suppression": suppression and Suppression(**suppression)})


def write_result(folder: Path, model: Model) -> None:
    """Leave a model for the parent."""
    onnx.save(model.proto, str(folder / PROTO))
    fields = {name: value for name, value in vars(model).items() if name != "proto"}
    quantisations = {name: asdict(quantisation) for name, quantisation in model.quantisations.items()}
    parts = {"head": asdict(model.head), "task": asdict(model.task), "quantisations": quantisations}
    write_json(folder, {"model": {**fields, **parts}})


def write_json(folder: Path, content: dict[str, Any]) -> None:
    """Leave the result, whole or not at all."""
    draft = folder / f"{RESULT}.part"
    draft.write_text(json.dumps(content))
    draft.rename(folder / RESULT)
