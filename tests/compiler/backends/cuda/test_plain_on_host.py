"""Kernels on plain tensors, TVM's and ours, compiled by g++ and run where the interpreter has numpy."""

from __future__ import annotations

import ctypes
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.test_attention import area_model
from tests.compiler.backends.cuda import interpreter
from tests.compiler.backends.cuda.host_device import host_library, needs_compiler
from tests.compiler.backends.cuda.interpreter import Machine
from tests.compiler.backends.cuda.test_lower import SIZE, TOLERANCE, imported
from tests.compiler.backends.cuda.test_plain_operations import CARD, best_channel_model
from tests.compiler.harness import reference
from tests.ort import session as ort_session
from zcc.compiler.backends.cuda import kernels
from zcc.compiler.backends.cuda.frame.frame_source import Source
from zcc.compiler.backends.cuda.kernels.generic import GenericKernel
from zcc.compiler.backends.cuda.kernels.kernel_source import name_of
from zcc.compiler.backends.cuda.kernels.plain import FromPlain, ToPlain
from zcc.compiler.backends.cuda.pipeline import NetworkPlan, lower_network
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.runtime.executors.plan import Place

ON_HOST = (GenericKernel, ToPlain, FromPlain)
# What common.cuh says with instructions of a card; only float32 is run here.
PRELUDE = """
#include <cmath>
#include <algorithm>
using std::max; using std::min;
#define __ldg(p) (*(p))
typedef unsigned int u32; typedef unsigned char u8;
struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };
float from_f16(u32); float from_bf16(u32); u32 pack_f16(float, float); u32 pack_bf16(float, float);
"""


def on_host(plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The interpreter, with real kernels for plain tensors."""
    specs = {name_of(spec): spec for spec in plan.specs if isinstance(spec, ON_HOST)}
    assert specs
    parts = [(files(kernels) / name).read_text() for name in ("moves.cuh", "plain.cuh")]
    text = "\n".join([PRELUDE, *parts, *(spec.body(name) for name, spec in specs.items())])
    library = ctypes.CDLL(str(host_library(Source("plain", text, {}))))

    def run(machine: Machine, spec: Any, places: list[Place]) -> None:
        words = [machine.memory[place.region].ctypes.data + place.offset for place in places]
        library.launch_on_host(
            ctypes.cast(getattr(library, name_of(spec)), ctypes.c_void_p),
            (ctypes.c_uint * 3)(*spec.grid),
            (ctypes.c_uint * 3)(*spec.block),
            (ctypes.c_ulonglong * len(words))(*words),
            len(words),
        )

    for kind in ON_HOST:
        monkeypatch.setitem(interpreter.MEANINGS, kind, run)
    return Machine(plan)


@needs_compiler
@pytest.mark.parametrize("family", ["yolov10", "yolov3-tiny"])
def test_heads_are_decoded(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = imported(family, tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    machine = on_host(lower_network(source.network(), CARD, "fp32"), monkeypatch)
    session = ort_session(source.model.proto.SerializeToString())
    expected = np.asarray(session.run([source.model.head.output], {source.model.input: image[None]})[0][0])
    assert np.abs(machine.run(image)[0] - expected).max() <= TOLERANCE["fp32"] * np.abs(expected).max()


@needs_compiler
@pytest.mark.parametrize("what", ["the best channel", "attention in areas that end within a row"])
def test_between_maps_and_plain_tensors(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proto, size = (
        (best_channel_model(), SIZE) if what == "the best channel" else (area_model(2, 2, 8, 8, (3, 4)), (3, 4))
    )
    image = np.random.default_rng(6).random((1, 3, *size)).astype(np.float32)
    plan = lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32")
    expected = reference(proto, image)[0]
    found = on_host(plan, monkeypatch).run(image[0])[0]
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-4, atol=1e-4)
