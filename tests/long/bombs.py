"""Files that are far larger than they look, that never end, and that are no files: every command that opens one refuses
it in one line, under 2 s and 200 MB. python -m tests.long.bombs --gigabytes 6
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.long.attack import Ended, attack, complaints, prepare
from tests.long.forge import Forger
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS

SOUND = "sound.zcc"


class Ground(NamedTuple):
    """What attacks are made of and made on."""

    folder: Path  # an empty one
    registry: Path  # that holds `tiny`
    forger: Forger
    picture: Path
    model: Path
    gigabytes: float  # of what expands


Trap = Callable[[Path], None]
# Paths that are no files.
TRAPS: dict[str, Trap] = {
    "fifo": os.mkfifo,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "nowhere": lambda path: path.symlink_to("nothing"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
}


def traps(ground: Ground, names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Every command with a trap in the place of each file that it opens; the first word names the attack."""
    place, picture = ("--registry", str(ground.registry)), str(ground.picture)
    for name in names:
        make, folder = TRAPS[name], ground.folder / name
        for file in ("x.zcc", "x.jpg", "x.onnx", "x.txt", "x.json", "video", "shots/images/x.jpg"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            make(folder / file)
        (folder / "shots" / "labels").mkdir()
        yield f"{name} as a bundle", "run", f"{folder / 'x.zcc'}", picture, *place
        yield f"{name} as a bundle", "import", f"{folder / 'x.zcc'}", *place
        yield f"{name} as a picture", "run", "tiny", f"{folder / 'x.jpg'}", *place
        yield f"{name} as a video", "run", "tiny", f"{folder / 'video'}", *place
        yield f"{name} among pictures", "run", "tiny", f"{folder / 'shots' / 'images'}", *place
        yield f"{name} as a policy", "adapt", "tiny", "--data", f"{folder}", "--policy", f"{folder / 'x.json'}", *place
        yield f"{name} as labels", "eval", "tiny", "--data", f"{folder / 'x.json'}", *place
        yield f"{name} among labels", "eval", "tiny", "--data", f"{folder / 'shots'}", *place


def slow_traps(ground: Ground, names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Those that the compiler opens, which takes seconds to start; `traps` made them."""
    for name in names:
        folder, place = ground.folder / name, ("--registry", str(ground.registry))
        yield f"{name} as a model", "compile", f"{folder / 'x.onnx'}", *place
        yield f"{name} as classes", "compile", f"{ground.model}", "--classes", f"{folder / 'x.txt'}", *place


def bombs(ground: Ground) -> Iterator[tuple[str, ...]]:
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


def gunzips_to(size: int, told: int) -> bytes:
    """A gzip file of so many zeros, that says at its end that it has another number; it need not be sound beyond."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(1 << 24)
    first = compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00" + bytes(6)
    return head + first * (size >> 24) + b"\x03\x00" + struct.pack("<II", 0, told & 0xFFFFFFFF)


def _library(told: Callable[[int], int]) -> Callable[[Ground, Path], Path]:
    def make(ground: Ground, path: Path) -> Path:
        size = int(ground.gigabytes * (1 << 30))
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


def make_ground(folder: Path) -> None:
    """A model, a registry that holds it as `tiny`, and a bundle of it to be changed."""
    import onnx

    from tests.onnx_models import build
    from zcc.commands.main import cli

    place = ["--registry", str(folder / "registry")]
    onnx.save(build("yolov8", imgsz=(64, 64)), folder / "tiny.onnx")
    cli.main(["compile", str(folder / "tiny.onnx"), *place], standalone_mode=False)
    cli.main(["export", "tiny", str(folder / SOUND), *place], standalone_mode=False)


def make_fork_ground(folder: Path, gigabytes: float) -> Ground:
    """The ground in `folder`, made where it is not there yet.

    It is made in a process of its own: this one stays small, as its forks are measured.
    """
    from zcc import sample

    if not (folder / SOUND).exists():
        maker = multiprocessing.get_context("spawn").Process(target=make_ground, args=(folder,))
        maker.start()
        maker.join()
    (folder / "ground").mkdir()
    place = folder / "ground", folder / "registry", Forger(folder / SOUND), sample.IMAGES[0]
    return Ground(*place, folder / "tiny.onnx", gigabytes)


def judge(ground: Ground, attacks: Iterable[tuple[str, ...]], **limits: float) -> list[str]:
    """Try every attack and print how it ended; what is wrong with that."""
    wrong: list[str] = []
    os.environ["ZCC_CACHE"] = str(ground.folder / "cache")
    for name, *arguments in attacks:
        ended = attack(*arguments)
        found = complaints(ended, **limits)
        wrong += [f"{name}: {each}" for each in found]
        _show(name, ended, bool(found))
    return wrong


def _show(name: str, ended: Ended, bad: bool) -> None:
    mark = "BAD" if bad else "ok"
    said = (ended.err or ended.out).strip().splitlines()[-1:] or [""]
    taken = f"{ended.code:>4}{ended.seconds:7.2f} s{ended.megabytes:6.0f} MB"
    print(f"{mark:<4}{name:<32}{ended.arguments[0]:<9}{taken}  {said[0][-90:]}", flush=True)


def main() -> int:
    """Try everything, print how it ended, and fail if something ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=6, help="of what expands")
    parser.add_argument("--models", action="store_true", help="also what the compiler opens, which takes longer")
    parser.add_argument("--traps", default=",".join(TRAPS), help="of these kinds")
    parser.add_argument("--ground", type=Path, help="what make_ground made; made anew by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare()
        ground = make_fork_ground(arguments.ground or Path(folder), arguments.gigabytes)
        names = arguments.traps.split(",")
        wrong = judge(ground, traps(ground, names)) + judge(ground, bombs(ground))
        if arguments.models:  # TVM and ONNX Runtime are imported first
            wrong += judge(ground, slow_traps(ground, names), seconds=15, megabytes=400)
    print("\n".join(wrong) or "every attack was refused in time, in memory and in one line")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
