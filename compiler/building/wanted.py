"""Which variants a user asks for, and which of them can be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zcc.compiler.backends.table import NATIVE, NoInstructions, find_targets
from zcc.compiler.backends.target import Target
from zcc.compiler.precision.table import QUANTISED, REFERENCE, Precision, find_precision
from zcc.runtime.errors import UsageError
from zcc.runtime.host import MOST_THREADS

PassOver = Callable[[str, UsageError], None]  # hears of a dtype, and why there is no variant in it
Variants = list[tuple[Precision, Target]]


class NoScales(UsageError):
    """There is nothing to choose the scales of integers by."""


@dataclass(frozen=True)
class WantedVariants:
    """The variants that a user asks for."""

    dtypes: tuple[str, ...]  # none: what the model is meant for
    target: str
    strict: bool = False  # whether one that cannot be made is an error, though others can be
    threads: int | None = None  # that a frame's work is cut for on processors, where the user says it

    def check(self) -> None:
        """Raise for words that name no precision or target, and where nothing can be made, before a model is read."""
        self.variants(quantised=False, pictures=True)

    def variants(self, quantised: bool, pictures: bool, pass_over: PassOver | None = None) -> Variants:
        """Each precision with every target that it is compiled for; `pass_over` is called with what cannot be made.

        `quantised` says whether the model brings scales of its own, `pictures` whether there are some to choose by.
        """
        wanted = self.dtypes or (QUANTISED if quantised else REFERENCE,)
        precisions = [find_precision(dtype) for dtype in dict.fromkeys(wanted)]
        found: Variants = []
        refused: dict[str, UsageError] = {}
        for precision in precisions:
            try:
                able = [self._cut(target) for target in find_targets(self.target, precision.name)]
                _need_scales(precision, quantised or pictures)
                found += [(precision, target) for target in able]
            except (NoInstructions, NoScales) as error:
                refused[precision.name] = error
        for name, reason in refused.items():
            if self.strict or not found:
                raise reason
            if pass_over is not None:
                pass_over(name, reason)
        return found

    def _cut(self, target: Target) -> Target:
        """The target for as many threads as asked; one of a card has none, and is refused where it is meant alone."""
        if self.threads is None:
            return target
        if not 1 <= self.threads <= MOST_THREADS:
            raise UsageError(f"a frame's work is not cut for {self.threads} threads", f"give 1 to {MOST_THREADS}")
        cut = target.with_threads(self.threads)
        if cut is target and self.target != NATIVE:
            raise UsageError(f"on {target.name} no work is cut for threads", "leave --threads out")
        return cut


def _need_scales(precision: Precision, known: bool) -> None:
    if precision.calibrated and not known:
        raise NoScales(
            f"{precision.name} needs pictures to choose its scales by", "give a folder of 32 or so with --calib DIR"
        )
