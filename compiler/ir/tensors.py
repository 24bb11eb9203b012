"""The tensors between operations, and the elementwise stages that may follow one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from zcc.compiler.ir.quantisation import Quantisation

Array = NDArray[Any]

FLOAT16 = "float16"
BFLOAT16 = "uint16"  # how a bfloat16 is kept: as its bits, since numpy has no such type and TVM widens its own


@dataclass(eq=False)
class Tensor:
    """A value that flows between operations."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    quantisation: Quantisation | None = None  # what bytes stand for

    @property
    def is_map(self) -> bool:
        """Whether it has the shape of a feature map."""
        return len(self.shape) == 4 and self.shape[0] == 1


@dataclass(frozen=True)
class Activation:
    """An elementwise function, by its name in ir/activations.py."""

    name: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Combine:
    """An elementwise `add`, `subtract` or `multiply` with another tensor of the same shape or of one pixel."""

    operator: str
    other: Tensor


@dataclass(frozen=True)
class Channelwise:
    """`add` or `multiply` by a constant per channel."""

    operator: str
    values: Array = field(compare=False)


Stage = Activation | Combine | Channelwise


def stage_tensors(stages: list[Stage]) -> list[Tensor]:
    """The tensors that elementwise stages read."""
    return [stage.other for stage in stages if isinstance(stage, Combine)]
