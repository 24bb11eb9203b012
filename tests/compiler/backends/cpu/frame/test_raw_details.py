"""Raw heads of other tasks give what their decoded output gives."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, Machine, postprocess
from tests.compiler.backends.cpu.frame.test_details import FRAME, MOST, SPEC, assert_same, wanted
from tests.compiler.backends.cpu.frame.test_raw import Array, Memory, logits
from zcc.compiler.backends.cpu.frame.dfl_head import DflHead, DflScale
from zcc.compiler.ir.heads.anchor_free import DistributedDecoding
from zcc.compiler.ir.heads.decoding import RawHead, RawScale
from zcc.compiler.ir.tasks.detail_decoding import DetailDecoding, detail_decodings
from zcc.runtime.manifest import TaskInfo

CLASSES = 3  # as in test_details
STRIDES = (8, 16, 32)


def heads(details: DetailDecoding, lanes: int) -> tuple[DflHead, Array, Array]:
    """A head, its memory, and the rows that it stands for."""
    rng, memory, maps, scales = np.random.default_rng(3), Memory(lanes), dict[str, Array](), list[DflScale]()
    for stride in STRIDES:
        size = SPEC.height // stride, SPEC.width // stride
        made = [
            rng.normal(0, 2, (64, *size)).astype(np.float32),
            logits(rng, CLASSES, *size, crowd=0.2),
            rng.normal(0, 1, (details.count, *size)).astype(np.float32),
        ]
        maps |= {f"{stride}/{number}": each[None] for number, each in enumerate(made)}
        scales.append(DflScale(stride, *map(memory.put, made)))
    raw = RawHead(
        DistributedDecoding(),
        CLASSES,
        tuple(RawScale(stride, tuple(f"{stride}/{number}" for number in range(3))) for stride in STRIDES),
        details,
    )
    head = DflHead(CLASSES, tuple(scales), details=details)
    return head, memory.bytes_up_to(*head.shape), raw.decoding.decode(raw, maps)


@pytest.mark.parametrize("machine", [HOST, NARROW])
@pytest.mark.parametrize(
    ("task", "count", "form"), [(TaskInfo("pose", 15, (5, 3)), 15, 0), (TaskInfo("pose", 6, (3, 2)), 6, 1),
                                (TaskInfo("obb", 5), 1, 0), (TaskInfo("obb", 5), 1, 1)]
)  # fmt: skip
def test_raw_heads_of_tasks(task: TaskInfo, count: int, form: int, machine: Machine) -> None:
    head, memory, rows = heads(detail_decodings(task, count)[form], machine.lanes)
    got = postprocess(head, SPEC, MOST, machine, task)(memory, FRAME, 0.3, 0.45)
    if task.name == "obb" or task.shape[1] == 3:
        assert_same(got, wanted(task.name, rows, 0.45), 2e-2)
        return
    expected = wanted("detect", rows, 0.45)
    np.testing.assert_array_equal(got.labels, expected.classes)
    np.testing.assert_allclose(got.details.shape, expected.details.shape)
