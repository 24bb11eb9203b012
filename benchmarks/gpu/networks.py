"""Whole detectors on a card: their maps against ONNX Runtime's, and what the network and a frame take.

python -m benchmarks.gpu.networks prepare MODEL.onnx... [--dtype fp16,fp32,bf16] [--arch sm_90] [-o build/networks]
python -m benchmarks.gpu.networks run build/networks          (needs the thin runtime alone)
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu.timing import OnCard, called, figures
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import read_program
from zcc.runtime.executors.cuda_timing import profile, replay, replay_frame
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]
# The most that the maps may be off, relative to their own size.
LIMITS = {"fp32": 1e-4, "tf32": 5e-3, "fp16": 1e-2, "bf16": 5e-2}
ROUNDS, TOGETHER, SINGLY = 60, 20, 10
FRAME = (1080, 1920, 3)


def prepare(model: Path, dtype: str, arch: str, home: Path) -> None:
    """Compile a model, and write down what its maps are for a picture of noise."""
    import onnxruntime

    from zcc.compiler.backends.cuda.lower_conv import image_scale
    from zcc.compiler.backends.cuda.program import build_program
    from zcc.compiler.backends.cuda.targets import Capability
    from zcc.compiler.frontend.find_raw_head import with_maps
    from zcc.compiler.frontend.load import load_model
    from zcc.compiler.importing.imported import import_model

    loaded = load_model(model, None, None)
    spec = InputSpec(loaded.height, loaded.width)
    source = import_model(loaded, spec, 300)
    program = build_program(source, source.network(), Capability(int(arch.removeprefix("sm_"))), dtype)
    folder = home / f"{model.stem}-{dtype}"
    folder.mkdir(parents=True, exist_ok=True)
    program.write(folder)
    levels = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3)).astype(np.float32)
    proto = with_maps(loaded.proto, source.raw) if source.raw else loaded.proto
    names = list(source.raw.maps) if source.raw else [loaded.head.output]
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    maps = session.run(names, {loaded.input: levels.transpose(2, 0, 1)[None] / 255})
    scale = image_scale({"fp16": "float16", "bf16": "bfloat16"}.get(dtype, "float32"))
    whole = [held[0].transpose(1, 2, 0) if held.ndim == 4 else held[0] for held in maps]
    expected = {f"map{index}": held for index, held in enumerate(whole)}
    np.savez(folder / "expected.npz", picture=levels * np.float32(scale), **expected)
    (folder / "case.json").write_text(json.dumps({"size": [spec.height, spec.width], "dtype": dtype}))


def run(folder: Path) -> dict[str, Any]:
    """Errors of a prepared model's maps, and times in microseconds."""
    case, expected = json.loads((folder / "case.json").read_text()), np.load(folder / "expected.npz")
    executor = CudaExecutor(read_program(folder, InputSpec(*case["size"]), 300, folder.name))
    frame = np.random.default_rng(0).integers(0, 256, FRAME, np.uint8)
    on_card = OnCard(executor.context, frame)
    executor.run(on_card)
    times = {stage: figures(replay(executor, (stage,), ROUNDS, TOGETHER)) for stage in ("preprocess", "postprocess")}
    image = executor.program.plan.tensors["input"]
    picture = np.zeros(image.shape[1:], np.float32)
    picture[..., :3] = expected["picture"]
    executor.write("input", stored(picture, image.dtype).reshape(image.shape))
    times["network"] = figures(replay(executor, ("network",), ROUNDS, TOGETHER))
    errors = [error(executor, name, expected[name]) for name in expected.files if name != "picture"]
    labels = [launch.label for launch in executor.program.plan.launches]
    result = {
        "card": executor.context.name,
        "largest error": max(errors),
        "right": max(errors) <= LIMITS[case["dtype"]],
        **times,
        "frame": figures(replay_frame(executor, ROUNDS, TOGETHER)),
        "frame on the card to boxes": figures(called(lambda: executor.run(on_card))),
        "frame on the host to boxes": figures(called(lambda: executor.run(frame))),
        "launches": dict(zip(labels, (1e6 * profile(executor, SINGLY)).round(2).tolist(), strict=True)),
    }
    executor.close()
    return result


def stored(values: Array, dtype: str) -> Array:
    """Floats as an image holds them: bfloat16, of which grey levels need no rounding, as uint16."""
    if dtype == "uint16":
        return (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(dtype)


def error(executor: CudaExecutor, name: str, expected: Array) -> float:
    """How far a map is off, relative to its size."""
    held = executor.read(name)[0][..., : expected.shape[-1]]
    values = (held.astype(np.uint32) << 16).view(np.float32) if held.dtype == np.uint16 else held.astype(np.float32)
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("models", type=Path, nargs="+")
    preparing.add_argument("--dtype", default="fp16")
    preparing.add_argument("--arch", default="sm_90")
    preparing.add_argument("-o", "--output", type=Path, default=Path("build/networks"))
    running = commands.add_parser("run")
    running.add_argument("home", type=Path)
    running.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.command == "prepare":
        for model in options.models:
            for dtype in options.dtype.split(","):
                prepare(model, dtype, options.arch, options.output)
        return 0
    results = {folder.name: run(folder) for folder in sorted(options.home.iterdir())}
    for name, result in results.items():
        print(name, json.dumps({key: value for key, value in result.items() if key != "launches"}))
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))
    return int(not all(result["right"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
