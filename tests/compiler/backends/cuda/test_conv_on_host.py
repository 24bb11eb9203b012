"""Convolutions on tensor cores, compiled by g++ and run with tensor cores made up: which numbers meet in which sums."""

from __future__ import annotations

import ctypes
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cuda.host_device import host_library, needs_compiler
from zcc.compiler.backends.cuda import kernels
from zcc.compiler.backends.cuda.frame.frame_source import Source
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Geometry, Tile
from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.stages import Ending
from zcc.compiler.ir.quantisation import Quantisation

Array = NDArray[Any]
SHARED = "  extern __shared__ __align__(128) unsigned char memory[];\n"

# Bytes of a pixel's channels, the map's size, and how it is read; the picture has two pixels in one.
CASES: dict[str, tuple[int, tuple[int, int], Geometry]] = {
    "3x3": (64, (6, 16), Geometry((3, 3), padding=(1, 1))),
    "stride 2": (32, (18, 32), Geometry((3, 3), (2, 2), (1, 1))),
    "the picture": (16, (28, 8), Geometry((6, 3), (2, 1), (2, 1))),
    "dilated": (48, (9, 16), Geometry((3, 3), padding=(2, 2), dilation=(2, 2))),
    "wide pixels": (256, (5, 8), Geometry((3, 3), padding=(1, 1))),
}
TILES = {
    "a run": Tile(64, 32),
    "a patch": Tile(64, 32, patch=True),
    "a patch of 16 across": Tile(128, 32, row=64, warps=(4, 1), stages=3, patch=True),
    "a patch for eight warps": Tile(64, 64, warps=(4, 2), stages=2, patch=True),
    "a patch, in two parts": Tile(32, 32, split=2, patch=True),
}


def run(spec: ConvMma, arrays: list[Array]) -> None:
    """The kernel with these arguments."""
    here = Path(__file__).parent
    common, patch, conv = ((files(kernels) / f"{name}.cuh").read_text() for name in ("common", "patch", "conv_mma"))
    assert SHARED in conv
    text = "\n".join(
        [(here / "mma_on_host.cuh").read_text(), common, patch, conv.replace(SHARED, ""), spec.body("conv")]
    )
    library = ctypes.CDLL(str(host_library(Source("conv", text, {}))))
    words = [array.ctypes.data for array in arrays]
    library.launch_on_host(
        ctypes.cast(library.conv, ctypes.c_void_p),
        (ctypes.c_uint * 3)(*spec.grid),
        (ctypes.c_uint * 3)(*spec.block),
        (ctypes.c_ulonglong * len(words))(*words),
        len(words),
    )


def expected(x: Array, weight: Array, geometry: Geometry, fill: int, size: tuple[int, int]) -> Array:
    """The sums, pixel after pixel."""
    (kh, kw), (sy, sx), (dy, dx) = geometry.window, geometry.stride, geometry.dilation
    (top, left), (height, width) = geometry.padding, size
    wide = np.pad(x.astype(np.float64), ((top, kh * dy), (left, kw * dx), (0, 0)), constant_values=fill)
    sums = np.zeros((height, width, len(weight)))
    for ky in range(kh):
        for kx in range(kw):
            taken = wide[ky * dy :, kx * dx :][: height * sy : sy, : width * sx : sx]
            sums += taken @ weight[:, :, ky, kx].T.astype(np.float64)
    return sums.reshape(height * width, -1)


# Every case with a patch, every tile with some case, both kinds of numbers with each kind of step.
RUNS = [(case, "a patch", "uint8") for case in CASES] + [
    ("3x3", "a run", "float32"),
    ("the picture", "a patch of 16 across", "uint8"),
    ("stride 2", "a patch of 16 across", "float32"),
    ("dilated", "a patch for eight warps", "float32"),
    ("the picture", "a patch, in two parts", "float32"),
    ("3x3", "a patch, in two parts", "uint8"),
]


@needs_compiler
@pytest.mark.parametrize(("case", "tile", "dtype"), RUNS)
def test_sums(case: str, tile: str, dtype: str) -> None:
    pixel, (height, width), geometry = CASES[case]
    rng, outputs = np.random.default_rng(0), 36
    meaning = Quantisation(0.02, 14) if dtype == "uint8" else None
    channels = pixel // np.dtype(dtype).itemsize
    x = Map(height, width, channels, channels, dtype, meaning)
    sizes = (
        (extent + 2 * padding - (taps - 1) * apart - 1) // step + 1
        for extent, padding, taps, apart, step in zip(
            (height, width), geometry.padding, geometry.window, geometry.dilation, geometry.stride, strict=True
        )
    )
    down, across = sizes
    y = Map(down, across, outputs, 40, "float32")
    spec = ConvMma(x, geometry, Ending(y, scaled=meaning is not None), TILES[tile], clustered=False).within(1 << 18)
    assert spec.tile.patch == TILES[tile].patch and (not spec.tile.patch or spec.across)
    shape, units = (outputs, channels, *geometry.window), [np.ones(spec.padded[0], np.float32)] if meaning else []
    values, weight, bias = (
        rng.integers(-127 * bool(meaning), 128, size).astype(np.float32 if meaning is None else kind)
        for size, kind in (((height, width, channels), np.uint8), (shape, np.int8), ((outputs,), np.int32))
    )
    lanes, made = np.arange(channels), np.full((y.pixels, y.pitch), np.nan, np.float32)
    met = [np.zeros(spec.partial_bytes, np.uint8), np.zeros(spec.counters, np.uint32)] if spec.meets_in_memory else []
    packed = spec.pack_weight(weight, lanes, np.arange(outputs)), spec.pack_vector(bias, np.arange(outputs))
    run(spec, [values, *packed, *met, made, *units])
    wanted = expected(values, weight, geometry, meaning.zero_point if meaning else 0, (down, across)) + bias
    np.testing.assert_array_equal(made[:, :outputs], wanted.astype(np.float32))
    assert np.isnan(made[:, outputs:]).all(), "nothing beside the map is written"
