"""The manifest: everything known about an artifact, as JSON beside its files.

An artifact is named by its digest, the sha256 of the manifest's canonical JSON. The manifest carries the
sha256 of every other file, so one name pins every byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.hashing import file_sha256 as file_sha256
from zcc.runtime.manifest_rules import EACH_THREAD as EACH_THREAD
from zcc.runtime.manifest_rules import FILENAME as FILENAME
from zcc.runtime.manifest_rules import MOST_FIGURES, SCHEMA, check_figure, check_manifest
from zcc.runtime.regular import read_text
from zcc.runtime.rules import Breach, brief, strict_json

REMEDY = "compile the model again"
ON_MACHINE = re.compile(r" on (.+), \d+ threads$")  # at the end of how a time was measured


@dataclass(frozen=True)
class InputSpec:
    """How a frame becomes the network's input."""

    height: int
    width: int
    color: str = "bgr"  # the channel order of the frames handed in
    resize: str = "letterbox"  # or "stretch", or "crop": the short side fitted and the middle cut out


@dataclass(frozen=True)
class HeadInfo:
    """What the network's output means."""

    family: str
    shape: tuple[int, ...]  # of the decoded output
    candidates: int
    classes: int
    max_det: int


@dataclass(frozen=True)
class TaskInfo:
    """What a model does, and the numbers of each detection that only this task has."""

    name: str = "detect"
    details: int = 0  # numbers of a detection beside its box, score and class
    shape: tuple[int, ...] = ()  # keypoints and numbers of each; of masks, the prototypes (c, h, w)


@dataclass(frozen=True)
class Requirements:
    """What a host must have to run the artifact."""

    os: str
    arch: str
    features: tuple[str, ...]
    runtime: str  # version of the TVM runtime library in the artifact


@dataclass(frozen=True)
class FileEntry:
    """One file of the artifact."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Run:
    """A stretch of the stored weights; its kind says how it becomes what the kernels read."""

    kind: str
    size: int  # bytes in the file
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the kind


@dataclass(frozen=True)
class Measurement:
    """One figure and how it was got: `metric` is `latency_ms`, `map50`, `drift_mean`, …"""

    metric: str
    value: float
    how: str

    @property
    def machine(self) -> str | None:
        """The name of the machine that measured a time, where it says so."""
        return found[1] if (found := ON_MACHINE.search(self.how)) else None


@dataclass(frozen=True)
class BuildStage:
    """What one stage of the build took."""

    name: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Manifest:
    """Everything known about one artifact."""

    name: str
    dtype: str
    target: str
    input: InputSpec
    head: HeadInfo
    classes: tuple[str, ...]
    requires: Requirements
    files: tuple[FileEntry, ...]
    workspace: Mapping[str, int]  # bytes of memory that entry points need, and beside it each thread
    created: str  # UTC, ISO 8601
    versions: Mapping[str, str]  # zcc, tvm, llvm, onnx
    model_sha256: str
    fingerprint: str  # of everything that went into the build
    calibration_digest: str | None = None
    tuning_digest: str | None = None
    precision: Mapping[str, Any] = field(default_factory=dict)  # storage, arithmetic, layers run in what
    kernels: Mapping[str, Any] = field(default_factory=dict)
    expansion: tuple[Run, ...] = ()  # all runs of the stored weights; none when these are read as they are
    formats: tuple[str, ...] = ()  # of frames that it reads
    stages: tuple[BuildStage, ...] = ()
    measured: tuple[Measurement, ...] = ()
    task: TaskInfo = field(default_factory=TaskInfo)
    batch: int = 1  # frames that `Detector.many` is handed at a time; with 1, as many as there are
    pixels: Mapping[str, Any] = field(default_factory=dict)  # what the model takes, where not RGB in 0..1
    verified: str = ""  # where its numbers were held against the reference's: a machine, an emulator, or why nowhere
    executor: str = "cpu"  # what of the runtime runs it: a row of runtime/executors/table.py
    schema: int = SCHEMA

    @cached_property
    def text(self) -> str:
        """Canonical JSON, sorted keys and no spaces; of a manifest that was read, the very text it was read from."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """The artifact's name: `sha256:` and the hash of the text."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    def memory(self, entry: str, threads: int) -> int:
        """Bytes of working memory for an entry point that so many threads share the work of."""
        return self.workspace[entry] + threads * self.workspace.get(EACH_THREAD, 0)

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file and in total."""
        sizes = {entry.path: entry.size for entry in self.files}
        return {**sizes, "total": sum(sizes.values())}

    def to_json(self) -> str:
        """The text that is stored, and that the digest is taken over."""
        return self.text

    def describe(self) -> dict[str, Any]:
        """The manifest as users see it in `--json`: everything in it, and what is derived from it."""
        return {**asdict(self), "digest": self.digest, "sizes": self.sizes}

    @classmethod
    def from_json(cls, text: str, source: str = FILENAME) -> Manifest:
        """Read a manifest back, held against every rule; `source` names it in errors."""
        try:
            raw = strict_json(text, limits.MANIFEST)
            if isinstance(raw, dict):
                _check_schema(raw, source)
            check_manifest(raw)
            manifest = _parse(raw)
        except ValueError as error:
            raise CorruptArtifact(f"{source} is not a zcc manifest ({_reason(error)})", REMEDY) from error
        # A later zcc may write the same manifest with more fields; its name stays what it was.
        vars(manifest)["text"] = text
        return manifest

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the artifact in `folder`."""
        path = folder / FILENAME
        try:
            text = read_text(path, limits.MANIFEST)
        except OSError as error:
            raise CorruptArtifact(f"{folder} holds no readable {FILENAME} ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise CorruptArtifact(f"{path} is not text ({error.reason})", "compile the model again") from error
        return cls.from_json(text, str(path))


def _check_schema(raw: dict[str, Any], source: str) -> None:
    """Refuse what a later zcc wrote; a number that is none, and no number at all, are for the rules."""
    schema = raw.get("schema", SCHEMA)
    unknown = sorted(raw.keys() - {field.name for field in fields(Manifest)})
    if type(schema) is int and (schema != SCHEMA or unknown):
        extra = f" with {', '.join(map(brief, unknown[:5]))}" if unknown else ""
        raise IncompatibleHost(
            f"{source} has manifest schema {brief(schema)}{extra}, this zcc reads {SCHEMA}",
            "use the zcc that built it, or compile again",
        )


def _reason(error: Exception) -> str:
    """What is wrong, in a few printable words."""
    if isinstance(error, Breach):
        return str(error)
    return f"{type(error).__name__}: {brief(error.args[0]) if error.args else 'too deep'}"


def _parse(raw: dict[str, Any]) -> Manifest:
    return Manifest(
        **{
            **raw,
            "input": InputSpec(**raw["input"]),
            "head": HeadInfo(**{**raw["head"], "shape": tuple(raw["head"]["shape"])}),
            "classes": tuple(raw["classes"]),
            "task": _task(raw.get("task", {})),
            "requires": Requirements(**{**raw["requires"], "features": tuple(raw["requires"]["features"])}),
            "files": tuple(FileEntry(**entry) for entry in raw["files"]),
            "expansion": tuple(_run(entry) for entry in raw.get("expansion", ())),
            "formats": tuple(str(name) for name in raw.get("formats", ())),
            "stages": tuple(BuildStage(**entry) for entry in raw.get("stages", ())),
            "measured": tuple(Measurement(**entry) for entry in raw.get("measured", ())),
        }
    )


def _task(raw: dict[str, Any]) -> TaskInfo:
    return TaskInfo(**{**raw, "shape": tuple(raw.get("shape", ()))})


def _run(raw: Any) -> Run:
    """Runs were pairs of kind and size before they had parameters."""
    return Run(*raw) if isinstance(raw, list) else Run(**raw)


def checked(manifest: Manifest) -> Manifest:
    """The manifest as whoever reads it will see it, once it was held against every rule."""
    try:
        written = manifest.to_json()
    except ValueError as error:
        problem = f"the manifest of {manifest.name} holds what JSON cannot write ({_reason(error)})"
        raise CorruptArtifact(problem, REMEDY) from error
    return Manifest.from_json(written, f"the manifest of {manifest.name}")


def renamed(manifest: Manifest, name: str) -> Manifest:
    """The same artifact under another name, and so with another digest."""
    return checked(replace(manifest, name=name))


def read_figures(raw: Any, source: str) -> tuple[Measurement, ...]:
    """Figures that lie beside a manifest, held against the rules for those inside one."""
    try:
        if not isinstance(raw, list) or len(raw) > MOST_FIGURES:
            raise Breach(f"measured: {brief(raw)} is no list of at most {MOST_FIGURES} figures")
        for place, figure in enumerate(raw):
            check_figure(figure, f"measured[{place}]")
    except Breach as breach:
        raise CorruptArtifact(f"{source} holds what is no figure ({breach})", REMEDY) from breach
    return tuple(Measurement(**figure) for figure in raw)


def is_sound(path: Path, entry: FileEntry) -> bool:
    """Whether the file at `path` has the bytes that the manifest names."""
    return path.stat().st_size == entry.size and file_sha256(path) == entry.sha256
