"""A matrix of builds as a TOML file says it: models x targets x dtypes, with their pictures and bars.

targets = ["x86-64-v3", "native"]      # of every model that names none of its own
dtypes = ["fp32", "int8"]
calib = "pictures"                     # paths are from the file's own folder
remote = "oci://HOST/{name}:candidate" # where each model's variants are pushed when all are there

[[model]]
path = "yolov8n.onnx"
name = "door"
max_drop = 0.3
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zcc.registry.reference import check_name
from zcc.runtime import limits
from zcc.runtime.errors import UsageError
from zcc.runtime.regular import read_text
from zcc.runtime.remotes.address import RemoteAddress, parse
from zcc.runtime.rules import Breach, Rule, brief, integer, list_of, number, one_of, record, text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from zcc.compiler.building.options import CompileOptions

MOST = 10_000  # builds of one matrix
_PATH, _WORDS = text(4096, 1), list_of(text(64, 1), 100, 1)
_CHANNELS = list_of(number(0, 1e4), 3, 3)

# What a model may say, and beside `path` and `name` the file for all models that do not say it themselves.
_SHARED: Mapping[str, Rule] = {
    "targets": _WORDS,
    "dtypes": _WORDS,
    "calib": _PATH,
    "data": _PATH,
    "classes": _PATH,
    "max_drop": number(0, 100),
    "imgsz": list_of(integer(32, limits.INPUT_SIDE), 2, 2),
    "color": one_of("bgr", "rgb"),
    "resize": one_of("letterbox", "stretch", "crop"),
    "mean": _CHANNELS,
    "std": _CHANNELS,
    "white": number(1, 65535),
    "order": one_of("rgb", "bgr"),
    "max_det": integer(1, limits.DETECTIONS),
}
_MODEL = record({"path": _PATH}, {"name": text(128, 1), **_SHARED})
_WHOLE = {"remote": text(512, 1), "tune_seconds": number(1, 1e7), "runner": text(512, 1)}  # of the file alone
_MATRIX = record({"model": list_of(_MODEL, 1000, 1)}, {**_WHOLE, **_SHARED})
_PATHS = ("calib", "data", "classes")
_PLAIN = ("max_drop", "color", "resize", "max_det", "white", "order")


@dataclass(frozen=True)
class Cell:
    """One variant of a matrix. It is read and sent to workers without loading the compiler."""

    model: Path
    name: str
    dtype: str
    target: str
    more: tuple[tuple[str, Any], ...] = ()  # options of its compile, by their names

    @property
    def label(self) -> str:
        """What tells it from the others, for people."""
        return f"{self.name} {self.dtype} {self.target}"

    @property
    def options(self) -> CompileOptions:
        """What a compile is asked for."""
        from zcc.compiler.building.options import CompileOptions

        return CompileOptions(self.model, self.name, (self.dtype,), self.target, strict=True, **dict(self.more))


@dataclass(frozen=True)
class Matrix:
    """Every variant that is wanted, and where they go."""

    cells: tuple[Cell, ...]
    remote: str | None = None  # an address in which {name} stands for a model's name
    tune_seconds: float | None = None  # for each variant that is missing, before it is built
    runner: str | None = None  # rpc://tracker:port/KEY, where kernels are measured; without it here

    def address(self, name: str) -> RemoteAddress | None:
        """Where the variants of a model go."""
        return parse(self.remote.replace("{name}", name.lower())) if self.remote else None

    def models(self) -> list[tuple[Cell, ...]]:
        """The cells by the model that they are of, read in the same way."""
        found: dict[tuple[Path, str], list[Cell]] = {}
        for cell in self.cells:
            found.setdefault((cell.model, cell.name), []).append(cell)
        return [tuple(each) for each in found.values()]


def read_matrix(path: Path) -> Matrix:
    """The matrix in a file."""
    try:
        raw = tomllib.loads(read_text(path, limits.POLICY))
        _MATRIX(raw, "")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check the path") from error
    except Breach as breach:
        raise UsageError(f"{path} is no matrix ({breach})", "docs/remotes.md shows one") from breach
    except ValueError as error:
        raise UsageError(f"{path} is no TOML ({error})", "docs/remotes.md shows a matrix") from error
    cells = tuple(
        cell for model in raw["model"] for cell in _cells({**_defaults(raw), **model}, path.parent.absolute())
    )
    _check(cells, path)
    matrix = Matrix(cells, **{key: raw[key] for key in _WHOLE if key in raw})
    for name in sorted({cell.name for cell in cells}):
        matrix.address(name)
    return matrix


def _defaults(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {"targets": ["native"], "dtypes": ["fp32"], **{key: raw[key] for key in _SHARED if key in raw}}


def _cells(model: Mapping[str, Any], folder: Path) -> list[Cell]:
    places = {key: folder / model[key] for key in _PATHS if key in model}
    plain = {key: model[key] for key in _PLAIN if key in model}
    plain |= {key: tuple(model[key]) for key in ("mean", "std") if key in model}
    size = {"imgsz": (model["imgsz"][0], model["imgsz"][1])} if "imgsz" in model else {}
    path = folder / model["path"]
    name = check_name(model.get("name", path.stem))
    return [
        Cell(path, name, dtype, target, tuple({**places, **plain, **size}.items()))
        for target in dict.fromkeys(model["targets"])
        for dtype in dict.fromkeys(model["dtypes"])
    ]


def _check(cells: tuple[Cell, ...], path: Path) -> None:
    """Refuse what could not be told apart, before anything is read."""
    if len(cells) > MOST:
        raise UsageError(f"{path} asks for {len(cells)} builds, more than {MOST}", "take several files")
    seen: dict[str, Cell] = {}
    for cell in cells:
        twin = seen.setdefault(cell.label, cell)
        if twin is not cell:
            problem = f"{path} asks twice for {brief(cell.label)[1:-1]}"
            raise UsageError(problem, "give models that differ different names")
        if not cell.model.is_file():
            raise UsageError(f"{path} names {cell.model}, and no file is there", "check the path")
