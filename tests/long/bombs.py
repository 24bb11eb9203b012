"""Files that are far larger than they look, that claim too much, that never end, and that are no files: every command
that opens one refuses it in one line, under 2 s and 200 MB. python -m tests.long.bombs --rounds 1

Each round tries all of them. Those of traps.py stand in the place of every file that a command opens.
"""

from __future__ import annotations

import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tests.long.attack import attack, prepare
from tests.long.ground import Ground, open_ground
from tests.long.tally import Tally, run_script
from tests.long.traps import Case, registry_traps, traps
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS

GIGABYTES = 6  # that a library expands to
GRAPH, NODE, ATTRIBUTE, INNER_GRAPH = 7, 1, 5, 6  # numbers of fields in an ONNX file


def bombs(ground: Ground) -> Iterator[Case]:
    """Every command with a file that claims too much."""
    place, picture = ("--registry", str(ground.registry)), str(ground.picture)
    for name, make in BUNDLES.items():
        path = make(ground, ground.folder / f"{name.replace(' ', '-')}.zcc")
        yield name, "run", f"{path}", picture, *place
        yield name, "import", f"{path}", "--name", "bomb", *place
        path.unlink()
    yield "nothing came in", "list", *place
    for name, write in PICTURES.items():
        write(ground.folder / name)
        yield name, "run", "tiny", f"{ground.folder / name}", *place
    for name, text in DOCUMENTS.items():
        path = ground.folder / "document.json"
        path.write_bytes(text())
        yield f"{name} as a policy", "adapt", "tiny", "--data", f"{ground.folder}", "--policy", f"{path}", *place
    for name, write in MODELS.items():
        path = ground.folder / "bomb.onnx"
        write(path)
        yield name, "compile", f"{path}", *place
        yield name, "tune", f"{path}", *place


def gunzips_to(size: int, told: int) -> bytes:
    """A gzip file of so many zeros, that says at its end that it has another number; it need not be sound beyond."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(1 << 24)
    first = compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00" + bytes(6)
    return head + first * (size >> 24) + b"\x03\x00" + struct.pack("<II", 0, told & 0xFFFFFFFF)


def _library(told: Callable[[int], int]) -> Callable[[Ground, Path], Path]:
    def make(ground: Ground, path: Path) -> Path:
        size = GIGABYTES << 30
        return ground.forger.with_file(path, RUNTIME_LIBRARY, gunzips_to(size, told(size)))

    return make


def _claims(**changes: Any) -> Callable[[Ground, Path], Path]:
    """A manifest with other fields; those that are objects keep their other fields."""

    def edit(manifest: dict[str, Any]) -> None:
        for name, value in changes.items():
            manifest[name] = {**manifest[name], **value} if isinstance(value, dict) else value

    return lambda ground, path: ground.forger.with_manifest(path, edit)


def _one_member_many_files(ground: Ground, path: Path) -> Path:
    def edit(manifest: dict[str, Any]) -> None:
        weights = next(entry for entry in manifest["files"] if entry["path"] == WEIGHTS)
        manifest["files"] += [{**weights, "path": f"copy{number}"} for number in range(60)]

    return ground.forger.with_manifest(path, edit)


def _deflated(ground: Ground, path: Path) -> Path:
    return ground.forger.with_file(path, WEIGHTS, bytes(200 << 20), zipfile.ZIP_DEFLATED)


BUNDLES: dict[str, Callable[[Ground, Path], Path]] = {
    "library that expands": _library(lambda size: size),
    "library that says it is small": _library(lambda size: 3_400_000),
    "library that says it is huge": _library(lambda size: (4 << 30) - 1),
    "input of 60000": _claims(input={"height": 60_000, "width": 60_000}),
    "arena": _claims(workspace={"detect": 1 << 45}),
    "workspace": _claims(workspace={"network": 1 << 40}),
    "output": _claims(head={"shape": [1, 1 << 30, 1 << 30]}),
    "detections": _claims(head={"max_det": 1 << 40}),
    "expansion": _claims(expansion=[{"kind": "same", "parameters": {}, "size": 1 << 45}]),
    "a file of terabytes": _claims(files=[{"path": "model.so", "sha256": "0" * 64, "size": 1 << 45}]),
    "millions of classes": _claims(classes=["a"] * 3_000_000),
    "index of 90 MB": lambda ground, path: ground.forger.with_index(
        path, b'{"format": 1, "x": [' + b"[]," * (30 << 20)
    ),
    "nested index": lambda ground, path: ground.forger.with_index(path, b"[" * 1_000_000),
    "nested manifest": lambda ground, path: ground.forger.with_text(path, '{"a":' * 100_000),
    "members": lambda ground, path: ground.forger.with_members(path, 100_000),
    "one member as many files": _one_member_many_files,
    "deflated weights": _deflated,
}


def write_png(path: Path, width: int, height: int) -> None:
    """A picture of one bit a pixel, a thousandth of its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def _bmp(path: Path) -> None:
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    path.write_bytes(header + bytes(1000))


PICTURES: dict[str, Callable[[Path], None]] = {
    "bomb.png": lambda path: write_png(path, 60_000, 30_000),
    "large.png": lambda path: write_png(path, 12_000, 12_000),
    "claims.bmp": _bmp,
}
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "nested JSON": lambda: b"[" * 900_000,
    "huge JSON": lambda: b"[" + b"{}," * (30 << 20),
    "no text": lambda: b"\xff" * 1000,
}


def _sparse(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return write


def _counted(field: int, content: bytes) -> bytes:
    """A field of a protocol buffer that has its length before it."""
    length, size = bytearray(), len(content)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([field << 3 | 2, *length, size]) + content


MODELS: dict[str, Callable[[Path], None]] = {
    "model of 30 GB": _sparse(30 << 30),
    "model of 2 GB of zeros": _sparse((2 << 30) - 1),
    "model of 5 million nodes": lambda path: _write(path, _counted(GRAPH, b"\x0a\x00" * 5_000_000)),
    "model nested deeply": lambda path: _write(path, _nested(5000)),
}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph, and so on."""
    content = b""
    for _ in range(depth):
        content = _counted(NODE, _counted(ATTRIBUTE, _counted(INNER_GRAPH, content)))
    return _counted(GRAPH, content)


def attack_with_files(folder: Path, rounds: int, seed: int) -> Tally:
    """Try all bombs and traps so many times; there is nothing random about them."""
    prepare()
    tally = Tally()
    for _ in range(rounds):
        ground = open_ground(folder)
        os.environ["ZCC_CACHE"] = str(ground.folder / "cache")
        for name, *arguments in chain(traps(ground), registry_traps(ground), bombs(ground)):
            tally.rounds += 1
            tally.add(name, attack(*arguments))
    return tally


if __name__ == "__main__":
    sys.exit(run_script(attack_with_files, 1, __doc__))
