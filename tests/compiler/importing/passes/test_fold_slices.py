"""Slices reach back through slices and concatenations without changing a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, helper

from tests.compiler.importing.passes.relax_programs import graph_model, import_model, operators, run_onnx, run_relax
from zcc.compiler.importing.passes.fold_slices import fold_slices

Constants = dict[str, NDArray[Any]]


class Program:
    """ONNX nodes that cut and join two tensors."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: Constants = {}

    def cut(self, data: str, axis: int, begin: int, end: int, step: int = 1) -> str:
        name = f"cut{len(self.nodes)}"
        bounds = {"begin": begin, "end": end, "axis": axis, "step": step}
        for key, value in bounds.items():
            self.constants[f"{name}_{key}"] = np.array([value], np.int64)
        self.nodes.append(helper.make_node("Slice", [data, *(f"{name}_{key}" for key in bounds)], [name]))
        return name

    def join(self, axis: int, *parts: str) -> str:
        name = f"join{len(self.nodes)}"
        self.nodes.append(helper.make_node("Concat", list(parts), [name], axis=axis))
        return name

    def check(self, result: str, shape: tuple[int, ...], expected: dict[str, int]) -> None:
        """The folded program has the expected operators and gives what ONNX Runtime gives."""
        nodes = [*self.nodes, helper.make_node("Mul", [result, "one"], ["out"])]
        constants = {**self.constants, "one": np.ones(1, np.float32)}
        proto = graph_model(nodes, {"a": (2, 6), "b": (2, 4)}, ("out", shape), constants)
        mod = fold_slices(import_model(proto))
        found = operators(mod)
        assert {name: found[name] for name in ("strided_slice", "concat")} == expected
        rng = np.random.default_rng(0)
        feeds = {"a": rng.random((2, 6), np.float32), "b": rng.random((2, 4), np.float32)}
        np.testing.assert_array_equal(run_relax(mod, *feeds.values()), run_onnx(proto, feeds))


def test_a_slice_of_a_slice_is_one_slice() -> None:
    program = Program()
    program.check(program.cut(program.cut("a", 1, 1, 6), 1, 2, 4), (2, 2), {"strided_slice": 1, "concat": 0})


def test_a_slice_of_one_part_never_joins() -> None:
    program = Program()
    joined = program.join(1, "a", "b")
    program.check(program.cut(joined, 1, 6, 10), (2, 4), {"strided_slice": 0, "concat": 0})


def test_a_slice_across_parts_joins_only_what_it_needs() -> None:
    program = Program()
    joined = program.join(1, "b", "a", "b")
    program.check(program.cut(joined, 1, 2, 11), (2, 9), {"strided_slice": 2, "concat": 1})


def test_negative_bounds_count_from_the_end() -> None:
    program = Program()
    joined = program.join(-1, "a", "b")
    program.check(program.cut(joined, -1, -4, 2**31), (2, 4), {"strided_slice": 0, "concat": 0})


@pytest.mark.parametrize(("axis", "step", "shape"), [(0, 1, (1, 10)), (1, 3, (2, 1))])
def test_other_axes_and_steps_are_left_alone(axis: int, step: int, shape: tuple[int, ...]) -> None:
    program = Program()
    joined = program.join(1, "a", "b")
    program.check(program.cut(joined, axis, 0, 1, step), shape, {"strided_slice": 1, "concat": 1})


def test_a_chain_of_writes_and_reads_leaves_the_last_values() -> None:
    program = Program()
    once = program.join(1, program.cut("b", 1, 0, 2), program.cut("a", 1, 2, 6))
    read = program.cut(once, 1, 2, 4)
    twice = program.join(1, program.cut(once, 1, 0, 2), read, program.cut(once, 1, 4, 6))
    program.check(program.cut(twice, 1, 1, 5), (2, 4), {"strided_slice": 3, "concat": 1})
