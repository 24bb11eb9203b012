"""A process in which NVIDIA's driver is `pretended_driver.cpp`, and a program for it: real kernels, run by the host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.gpu.case import Case
from tests import store
from tests.compiler.backends.cuda.host_device import host_library
from zcc.compiler.backends.cuda.frame.frame_source import Source
from zcc.compiler.backends.cuda.frame.heads import DecodedHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.backends.cuda.frame.kernels import FrameKernels
from zcc.compiler.backends.cuda.frame.part import Part, join
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Launch, Place, Plan, PlanTensor, Range
from zcc.runtime.manifest import FILENAME, FileEntry, HeadInfo, InputSpec, Manifest, Requirements, file_sha256

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
SPEC, MAX_DET = InputSpec(48, 64), 20
HEAD = Head("test", "output", 100, 3, objectness=False, candidates_last=True)
HEAD_BYTES = 4 * HEAD.candidates * HEAD.attributes
SLOT = -(-HEAD_BYTES // 256) * 256
# Stands for a network: what was found last, made a little smaller, is found again.
NETWORK = Source(
    "network",
    'extern "C" __global__ void copy(float *to, const float *from) {\n'
    "    int k = blockIdx.x * 128 + threadIdx.x;\n"
    f"    if (k < {HEAD_BYTES // 4}) to[k] = from[k];\n"
    "}\n",
    {},
)


def driver_library() -> Path:
    """The folder of the driver, for LD_LIBRARY_PATH. It belongs to all tests."""

    def make(folder: Path) -> None:
        compiler = shutil.which("g++") or "g++"
        flags = ["-O1", "-std=c++17", "-fPIC", "-shared", "-fpermissive", "-w"]
        library = folder / "libcuda.so.1"
        subprocess.run([compiler, *flags, str(HERE / "pretended_driver.cpp"), "-o", str(library), "-ldl"], check=True)

    return store.made_once("cuda-driver", make)


def program() -> Program:
    """Frame kernels on either side of a network that hands its weights on."""
    kernels = FrameKernels(SPEC, ImageLayout("float16", SPEC.width), DecodedHead(HEAD, Place("arena")), MAX_DET)
    image = Place("arena", SLOT)
    scratch = Place("arena", SLOT + SPEC.height * SPEC.width * 8)
    arguments = (Place("arena"), Place("weights"))
    reads, writes = (Range("weights", 0, HEAD_BYTES),), (Range("arena", 0, HEAD_BYTES),)
    network = Launch(
        "network", "network", "copy", (8, 1, 1), (128, 1, 1), arguments, label="copy", reads=reads, writes=writes
    )
    launches = join([kernels.preprocess(image, scratch), Part((network,)), kernels.postprocess(scratch)])
    sources = (kernels.preprocess_source, NETWORK, kernels.postprocess_source)
    regions = {
        "weights": HEAD_BYTES,
        "arena": scratch.offset + kernels.scratch_bytes,
        "parameters": PARAMETERS_SIZE,
        "result": ResultLayout(MAX_DET).size,
    }
    tensors = {
        "input": PlanTensor(image, "float16", (SPEC.height, SPEC.width, 4)),
        "output": PlanTensor(Place("arena"), "float32", HEAD.shape),
    }
    modules = {source.module: Module(_cubin(source), b"of no use") for source in sources}
    plan = Plan("sm_90", regions, tuple(modules), launches, tensors, kernels.zeroed(scratch))
    return Program(plan, modules, weights(0).view(np.uint8).reshape(-1), "weights", SPEC, MAX_DET)


def artifact(folder: Path) -> Path:
    """The program as an artifact's folder."""
    folder.mkdir()
    program().write(folder)
    names = sorted(path.name for path in folder.iterdir())
    manifest = Manifest(
        name="pretended",
        dtype="fp16",
        target="cuda:sm_90",
        input=SPEC,
        head=HeadInfo("test", HEAD.shape, HEAD.candidates, HEAD.classes, MAX_DET),
        classes=("a", "b", "c"),
        requires=Requirements("linux", "sm_90", (), "none"),
        files=tuple(FileEntry(name, file_sha256(folder / name), (folder / name).stat().st_size) for name in names),
        workspace={"detect": 0, "network": 0},
        created="2026-01-01T00:00:00Z",
        versions={},
        model_sha256="0" * 64,
        fingerprint="pretended",
        kernels={"calls": []},
        executor="cuda",
    )
    (folder / FILENAME).write_text(manifest.to_json())
    return folder


def weights(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A decoded output with some detections in it."""
    rng = np.random.default_rng(seed)
    output = rng.uniform(0, 0.3, HEAD.shape).astype(np.float32)
    output[0, :2], output[0, 2:4] = rng.uniform(0, 60, (2, 100)), rng.uniform(3, 20, (2, 100))
    return output


def _cubin(source: Source) -> bytes:
    """What the pretended driver takes for machine code."""
    kernels = re.findall(r"^(?:extern \"C\" __global__ .*?)?(\w+)\(([^)]*?)\)\s*\{", _plain(source.text), re.M | re.S)
    lines = [f"{name} {arguments.count(',') + 1}" for name, arguments in kernels if name in _entries(source.text)]
    return "\n".join((str(host_library(source)), *lines, "")).encode() + b"\0"


def _plain(text: str) -> str:
    """The source with the maps' parameters written out."""
    maps = ", ".join(f"const Element *map{k}" for k in range(8))
    return re.sub(r"\bMAPS,", f"{maps},", text)


def _entries(text: str) -> set[str]:
    return set(re.findall(r"__global__ void(?:\s+__launch_bounds__\([^)]*\))?\s+(\w+)\(", text))


def run(driver: Path, home: Path | None, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code that finds the driver and, where there is a home for it, the program as `program`."""
    if home is not None and not home.exists():
        Case("case", program(), {}).save(home.parent)
    start = (
        "import numpy as np, threading\n"
        "from pathlib import Path\n"
        "from benchmarks.gpu.case import Case\n"
        "from zcc.runtime.errors import *\n"
        "from zcc.runtime.executors.cuda import CudaExecutor\n"
        f"program = Case.load(Path({str(home)!r})).program\n"
    )
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", start + code if home else code],
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(driver), "PYTHONPATH": path, **environment},
        cwd=ROOT,
        timeout=120,
    )
