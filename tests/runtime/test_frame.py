"""Frames of every kind: taken without a copy where their rows are whole, refused in words where they are no frame."""

from __future__ import annotations

import array
import gc
import mmap
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.samples import assert_same, noise
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError
from zcc.runtime.frame import LARGEST_SIDE, PLAIN_SIDE, as_frame, as_pixels
from zcc.runtime.planes import MOST_BYTES

Frame = NDArray[np.uint8]


class Tensor:
    """What torch and others are to the runtime: something that speaks DLPack and nothing else."""

    def __init__(self, pixels: Any) -> None:
        self.pixels = pixels

    def __dlpack__(self, **options: Any) -> Any:
        return self.pixels.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.pixels.__dlpack_device__()


def address(pixels: Any) -> int:
    start: int = pixels.__array_interface__["data"][0]
    return start


def read_only(frame: Frame) -> Frame:
    frame.flags.writeable = False
    return frame


def padded_rows(frame: Frame) -> Frame:
    """The frame as cameras leave it, with bytes between its rows."""
    height, width, _ = frame.shape
    memory = np.full((height, 3 * width + 17), 0xAB, np.uint8)
    view = np.lib.stride_tricks.as_strided(memory, frame.shape, (memory.strides[0], 3, 1))
    view[:] = frame
    return view


def inside(frame: Frame) -> Frame:
    """The frame as a region of a larger one."""
    height, width, _ = frame.shape
    around = noise(height + 9, width + 7, seed=99)
    around[4 : 4 + height, 3 : 3 + width] = frame
    return around[4 : 4 + height, 3 : 3 + width]


BORROWED: dict[str, Callable[[Frame], Any]] = {
    "plain": lambda frame: frame,
    "read-only": read_only,
    "padded rows": padded_rows,
    "padded rows, read-only": lambda frame: read_only(padded_rows(frame)),
    "part of a larger frame": inside,
    "every other row": lambda frame: np.repeat(frame, 2, axis=0)[::2],
    "memoryview": lambda frame: memoryview(frame),
    "memoryview of bytes": lambda frame: memoryview(frame.tobytes()).cast("B", frame.shape),
    "DLPack": Tensor,
    "DLPack, padded rows": lambda frame: Tensor(padded_rows(frame)),
}
COPIED: dict[str, Callable[[Frame], Any]] = {
    "upside down": lambda frame: frame[::-1].copy()[::-1],
    "mirrored": lambda frame: frame[:, ::-1].copy()[:, ::-1],
    "channels reversed": lambda frame: frame[..., ::-1].copy()[..., ::-1],
    "planes": lambda frame: np.ascontiguousarray(frame.transpose(2, 0, 1)).transpose(1, 2, 0),
    "columns first": np.asfortranarray,
    "every other column": lambda frame: np.repeat(frame, 2, axis=1)[:, ::2],
    "four channels": lambda frame: np.concatenate([frame, frame[..., :1]], axis=2)[..., :3],
}


@pytest.mark.parametrize("kind", BORROWED)
@pytest.mark.parametrize("size", [(48, 64), (1, 1), (1, 50), (50, 1)])
def test_a_frame_of_whole_rows_is_used_where_it_lies(detector: Detector, kind: str, size: tuple[int, int]) -> None:
    expected = detector(noise(*size))
    frame = BORROWED[kind](noise(*size))
    source = frame.pixels if isinstance(frame, Tensor) else np.asarray(frame)
    if min(size) > 1:  # of a single row or column the strides may say anything
        assert address(as_pixels(frame)) == address(source)
    before = source.copy()
    assert_same(detector(frame), expected)
    np.testing.assert_array_equal(source, before)


@pytest.mark.parametrize("kind", COPIED)
@pytest.mark.parametrize("size", [(48, 64), (1, 1), (1, 50), (50, 1)])
def test_any_other_layout_gives_the_same_detections(detector: Detector, kind: str, size: tuple[int, int]) -> None:
    frame = COPIED[kind](noise(*size))
    np.testing.assert_array_equal(frame, noise(*size))
    assert_same(detector(frame), detector(noise(*size)))


@pytest.mark.parametrize(("size", "strides"), [((50, 1), (3, 999, 1)), ((1, 50), (1 << 40, 3, 1)), ((1, 1), (7, 5, 1))])
def test_a_single_row_or_column_may_have_any_stride_along_it(
    detector: Detector, size: tuple[int, int], strides: tuple[int, ...]
) -> None:
    """numpy's flags call it whole all the same; the kernels read the strides."""
    pixels = noise(*size)
    frame = np.lib.stride_tricks.as_strided(pixels.copy(), pixels.shape, strides)
    assert frame.flags.carray and frame.strides == strides
    assert as_pixels(frame).strides == as_frame(frame).planes[0].strides != strides
    assert_same(detector(frame), detector(pixels))


def test_what_is_used_without_arithmetic_is_never_too_large() -> None:
    assert PLAIN_SIDE <= LARGEST_SIDE and 3 * PLAIN_SIDE**2 <= MOST_BYTES


def test_rows_that_share_memory(detector: Detector) -> None:
    row = noise(1, 40)
    repeated = np.broadcast_to(row, (30, 40, 3))
    assert_same(detector(repeated), detector(repeated.copy()))
    sliding = np.lib.stride_tricks.sliding_window_view(noise(1, 80)[0], (40, 3))[:30, 0]
    assert_same(detector(sliding), detector(sliding.copy()))


def test_a_camera_buffer_is_read_as_it_is_now(detector: Detector) -> None:
    """A driver's memory, filled anew for each frame, and held only as long as a call takes."""
    frame = noise(48, 64)
    with mmap.mmap(-1, frame.nbytes) as buffer:
        view = memoryview(buffer).cast("B", frame.shape)
        for seed in range(3):
            buffer[:] = noise(48, 64, seed).tobytes()
            assert_same(detector(view), detector(noise(48, 64, seed)))
        view.release()


def test_what_is_lent_out_holds_its_owner() -> None:
    frame = noise(8, 8)
    frame.flags.writeable = False
    pixels, owner = as_pixels(frame), weakref.ref(frame)
    del frame
    gc.collect()
    assert owner() is not None
    np.testing.assert_array_equal(pixels, noise(8, 8))
    del pixels
    gc.collect()
    assert owner() is None


@pytest.mark.parametrize("size", [(4320, 7680), (LARGEST_SIDE, 2), (2, LARGEST_SIDE)])
def test_large_frames(detector: Detector, size: tuple[int, int]) -> None:
    out = detector(np.full((*size, 3), 90, np.uint8))
    assert len(out) and np.isfinite(out.boxes).all()
    assert (out.boxes >= 0).all() and (out.boxes <= np.array([size[1], size[0]] * 2)).all()


def test_rows_far_apart_in_memory_are_brought_together(detector: Detector) -> None:
    """Their distances do not fit the kernel's 32 bits; the memory between them is never touched."""
    with mmap.mmap(-1, 3 << 30) as memory:
        far = np.lib.stride_tricks.as_strided(np.frombuffer(memory, np.uint8), (3, 40, 3), (1 << 30, 3, 1))
        far[:] = noise(3, 40)
        assert_same(detector(far), detector(noise(3, 40)))
        del far


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (np.zeros((8, 8, 3), np.float32), "float32"),
        (np.zeros((8, 8, 3), np.int8), "int8"),
        (np.zeros((8, 8, 3), bool), "bool"),
        (np.zeros((8, 8, 4), np.uint8), r"\(8, 8, 4\)"),
        (np.zeros((3, 8, 8), np.uint8), r"\(3, 8, 8\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), r"\(1, 8, 8, 3\)"),
        (np.zeros((), np.uint8), r"\(\)"),
        (np.zeros((0, 8, 3), np.uint8), "empty: 8 x 0"),
        (np.zeros((8, 0, 3), np.uint8), "empty: 0 x 8"),
        (np.zeros((1, LARGEST_SIDE + 1, 3), np.uint8), str(LARGEST_SIDE + 1)),
        (np.zeros((2, LARGEST_SIDE + 1, 3), np.uint8), str(LARGEST_SIDE + 1)),
        (np.zeros((LARGEST_SIDE + 1, 2, 3), np.uint8), str(LARGEST_SIDE + 1)),
        (np.broadcast_to(np.uint8(0), (30_000, 30_000, 3)), "2 GB"),
        (b"\0" * 192, r"\(192,\)"),
        (array.array("f", [0.0] * 3), "float32"),
        (None, "NoneType"),
        ("frame.jpg", "str"),
        ([[[0, 0, 0]]], "list"),
        (Tensor(np.zeros((8, 8, 3), np.int16)), "int16"),
        (Tensor(np.zeros((8, 8, 3), ">u2")), "Tensor"),
    ],
)
def test_what_is_no_frame_is_refused_in_words(detector: Detector, frame: Any, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        detector(frame)
    assert "\n" not in str(caught.value)


def test_a_tensor_of_another_device_is_refused_in_words(detector: Detector) -> None:
    class OnGpu(Tensor):
        def __dlpack__(self, **options: Any) -> Any:
            raise BufferError("cannot export to CPU")

        def __dlpack_device__(self) -> Any:
            return (2, 0)

    with pytest.raises(FrameError, match="OnGpu"):
        detector(OnGpu(noise(8, 8)))
