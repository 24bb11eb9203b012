"""The search for the kernels of a model's variants, each in its share of the time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zcc.compiler.backends.search import AnySearch, Limits, SearchProgress, Tuner, TuningJob
from zcc.compiler.backends.table import backend_of
from zcc.compiler.backends.target import Target
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.prepare import Prepared, prepare
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.building.tune_options import TuneOptions
from zcc.runtime.errors import UsageError

NOISE = (2, 720, 1280, 3)  # frames that stand for the pictures of int8 where there are none
SEED = 20241


def tune_model(options: CompileOptions, wish: TuneOptions, home: Path, progress: SearchProgress) -> list[AnySearch]:
    """Search for the kernels of every variant that the options name; a compile with them finds the records.

    The wish's seconds are those of everything, from here on.
    """
    began = time.monotonic()
    for _, target in options.wish.variants(quantised=False, pictures=True):
        tuner_of(target).devices(target, wish.runner)  # what cannot be reached is told before a model is read
    stages = StageRecorder(progress)
    with _pictures(options) as calibrated_on:
        model = prepare(calibrated_on, stages, partial(_tell, progress))
    left = Limits(seconds=wish.seconds).after(time.monotonic() - began)
    return tune_variants(model, home, replace(wish, seconds=left.seconds), stages, progress)


def tune_variants(
    model: Prepared,
    home: Path,
    wish: TuneOptions,
    stages: StageRecorder,
    progress: SearchProgress,
) -> list[AnySearch]:
    """Search for the kernels of each variant in its share of the time."""
    limits = shares(wish, len(model.variants))
    return [
        tuner_of(target).search(
            TuningJob(model.source, precision, target, model.calibration),
            home,
            next(limits),
            wish.runner,
            stages.stage,
            progress,
        )
        for precision, target in model.variants
    ]


def tuner_of(target: Target) -> Tuner[Any]:
    """The search for the target's kernels, where there is one."""
    tuner = backend_of(target).tuner
    if tuner is None:
        raise UsageError(f"kernels for {target.name} are not searched for", "compile it without --tune")
    return tuner


def shares(wish: TuneOptions, variants: int) -> Iterator[Limits]:
    """Limits for each variant: what is left of the time, in equal parts."""
    end = None if wish.seconds is None else time.monotonic() + wish.seconds
    for left in range(variants, 0, -1):
        yield Limits(wish.trials, None if end is None else max(end - time.monotonic(), 0.0) / left)


def _tell(progress: SearchProgress, dtype: str, error: UsageError) -> None:
    progress.note(f"{dtype} was passed over: {error}")


@contextmanager
def _pictures(options: CompileOptions) -> Iterator[CompileOptions]:
    """The options with pictures to calibrate on: kernels depend on shapes, so noise does where there are none."""
    if options.calib is not None:
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="zcc-") as folder:
        for number, frame in enumerate(np.random.default_rng(SEED).integers(0, 256, NOISE, dtype=np.uint8)):
            np.save(Path(folder) / f"{number}.npy", frame)
        yield replace(options, calib=Path(folder))
