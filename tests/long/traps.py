"""Paths that are no files, in the place of every file that a command opens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.long.ground import Ground

Trap = Callable[[Path], None]
Case = tuple[str, ...]  # what it is called, and the words of a command

TRAPS: dict[str, Trap] = {
    "fifo": os.mkfifo,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "nowhere": lambda path: path.symlink_to("nothing"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
}
# Where they are laid. In a folder of pictures stands nothing else, so that there is nothing to go on with.
PLACES = (
    "x.zcc",
    "x.jpg",
    "x.npy",
    "x.onnx",
    "x.txt",
    "x.json",
    "video",
    "shots/images/x.jpg",
    "arrays/x.npy",
    "weights",
)


def traps(ground: Ground) -> Iterator[Case]:
    """Every command with each trap in the place of each file that it opens."""
    for name, make in TRAPS.items():
        folder = ground.folder / name
        for place in PLACES:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            make(folder / place)
        (folder / "shots" / "labels").mkdir()
        (folder / "outside.onnx").write_bytes(with_data_file(ground.model, "weights"))
        for place, words in _commands(ground, folder):
            yield f"{name} as {place}", *words, "--registry", str(ground.registry)


def _commands(ground: Ground, folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    model, picture, images = str(ground.model), str(ground.picture), str(folder / "shots" / "images")
    bundle, shots = str(folder / "x.zcc"), str(folder / "shots")
    yield "a bundle", ("run", bundle, picture)
    yield "a bundle", ("import", bundle)
    yield "a bundle", ("show", bundle)
    yield "a picture", ("run", "tiny", str(folder / "x.jpg"))
    yield "a video", ("run", "tiny", str(folder / "video"))
    yield "pictures", ("run", "tiny", images)
    yield "a policy", ("adapt", "tiny", "--data", str(folder), "--policy", str(folder / "x.json"))
    yield "labels", ("eval", "tiny", "--data", str(folder / "x.json"))
    yield "pictures", ("eval", "tiny", "--data", shots)
    yield "pictures", ("compare", "tiny", "tiny", "--data", shots)
    yield "a model", ("compile", str(folder / "x.onnx"))
    yield "a model", ("tune", str(folder / "x.onnx"))
    yield "a model's data", ("compile", str(folder / "outside.onnx"))
    yield "classes", ("compile", model, "--classes", str(folder / "x.txt"))
    yield "pictures", ("compile", model, "--calib", shots)
    yield "arrays", ("compile", model, "--calib", str(folder / "arrays"))
    yield "the folder of pictures", ("compile", model, "--calib", str(folder / "x.jpg"))
    yield "pictures", ("compile", model, "--data", shots)
    yield "labels", ("compile", model, "--data", str(folder / "x.json"))


def registry_traps(ground: Ground) -> Iterator[Case]:
    """Traps in the place of a registry's files; each command has a registry of its own, as some mend what they find."""
    artifact = next((ground.registry / "artifacts").iterdir()).relative_to(ground.registry)
    files = [artifact / path.name for path in sorted((ground.registry / artifact).iterdir())]
    for name in ("fifo", "zeros"):
        for file in (*files, Path("index.sqlite")):
            for words in _registry_commands(ground):
                home = ground.folder / "trapped"
                shutil.rmtree(home, ignore_errors=True)
                shutil.copytree(ground.registry, home)
                (home / file).unlink()
                TRAPS[name](home / file)
                yield f"{name} as the registry's {file.name}", *words, "--registry", str(home)


def _registry_commands(ground: Ground) -> tuple[tuple[str, ...], ...]:
    return (
        *(("list",), ("show", "tiny"), ("verify",), ("gc",), ("reindex",), ("reindex", "--anew")),
        ("run", "tiny", str(ground.picture)),
        ("export", "tiny", str(ground.folder / "out.zcc")),
        ("import", str(ground.bundle), "--name", "again", "--yes"),
    )


def with_data_file(model: Path, location: str) -> bytes:
    """The model with all its weights in another file."""
    import onnx
    from onnx.external_data_helper import convert_model_to_external_data

    proto = onnx.load(model)
    convert_model_to_external_data(proto, location=location, size_threshold=0)
    for tensor in proto.graph.initializer:
        tensor.ClearField("raw_data")
    return bytes(proto.SerializeToString())
