"""The manifest: everything known about an artifact, as JSON beside its files.

An artifact is named by its digest, the sha256 of the manifest's canonical JSON. The manifest carries the
sha256 of every other file, so one name pins every byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from zcc.runtime.errors import CorruptArtifact, IncompatibleHost

SCHEMA = 1
FILENAME = "meta.json"
EACH_THREAD = "thread"  # in the workspace
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class InputSpec:
    """How a frame becomes the network's input."""

    height: int
    width: int
    color: str = "bgr"  # the channel order of the frames handed in
    resize: str = "letterbox"  # or "stretch"


@dataclass(frozen=True)
class HeadInfo:
    """What the network's output means."""

    family: str
    shape: tuple[int, ...]  # of the decoded output
    candidates: int
    classes: int
    max_det: int


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


@dataclass(frozen=True)
class Stage:
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
    stages: tuple[Stage, ...] = ()
    measured: tuple[Measurement, ...] = ()
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
        """Read a manifest back; `source` names it in errors."""
        try:
            manifest = _parse(json.loads(text), source)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            problem = f"{source} is not a zcc manifest ({type(error).__name__}: {error})"
            raise CorruptArtifact(problem, "compile the model again") from error
        # A later zcc may write the same manifest with more fields; its name stays what it was.
        vars(manifest)["text"] = text
        return manifest

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the artifact in `folder`."""
        path = folder / FILENAME
        try:
            text = path.read_bytes().decode()
        except OSError as error:
            raise CorruptArtifact(f"{folder} holds no readable {FILENAME} ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise CorruptArtifact(f"{path} is not text ({error.reason})", "compile the model again") from error
        return cls.from_json(text, str(path))


def _parse(raw: dict[str, Any], source: str) -> Manifest:
    schema = raw["schema"]
    unknown = sorted(raw.keys() - {field.name for field in fields(Manifest)})
    if schema != SCHEMA or unknown:
        extra = f" with {', '.join(unknown)}" if unknown else ""
        raise IncompatibleHost(
            f"{source} has manifest schema {schema}{extra}, this zcc reads {SCHEMA}",
            "use the zcc that built it, or compile again",
        )
    return Manifest(
        **{
            **raw,
            "input": InputSpec(**raw["input"]),
            "head": HeadInfo(**{**raw["head"], "shape": tuple(raw["head"]["shape"])}),
            "classes": tuple(raw["classes"]),
            "requires": Requirements(**{**raw["requires"], "features": tuple(raw["requires"]["features"])}),
            "files": tuple(FileEntry(**entry) for entry in raw["files"]),
            "expansion": tuple(_run(entry) for entry in raw.get("expansion", ())),
            "formats": tuple(str(name) for name in raw.get("formats", ())),
            "stages": tuple(Stage(**entry) for entry in raw.get("stages", ())),
            "measured": tuple(Measurement(**entry) for entry in raw.get("measured", ())),
        }
    )


def _run(raw: Any) -> Run:
    """Runs were pairs of kind and size before they had parameters."""
    return Run(*raw) if isinstance(raw, list) else Run(**raw)


def check_paths(manifest: Manifest) -> None:
    """Refuse a manifest whose files would land outside the artifact's folder or on each other."""
    paths = [entry.path for entry in manifest.files]
    for path in paths:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path in ("", ".", FILENAME):
            raise CorruptArtifact(f"the manifest of {manifest.name} names the file {path!r}", "build it again")
    for entry in manifest.files:
        if not _HASH.fullmatch(entry.sha256):
            raise CorruptArtifact(f"the manifest of {manifest.name} gives {entry.path} no sha256", "build it again")
    if len(set(paths)) < len(paths):
        raise CorruptArtifact(f"the manifest of {manifest.name} names a file twice", "build it again")


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def is_sound(path: Path, entry: FileEntry) -> bool:
    """Whether the file at `path` has the bytes that the manifest names."""
    return path.stat().st_size == entry.size and file_sha256(path) == entry.sha256
