"""Whole detectors on a card through the public API: what they find against the processor's variants, and how fast.

python -m benchmarks.gpu.detectors BUNDLE.zcc... [--data DIR] [-o results.json]

A bundle (`zcc export`) holds variants of one detector. On every picture of --data, int8 on the card must find exactly
what int8 on the processor finds, other dtypes closely what fp32 finds; with labels, each variant's accuracy is measured
too. Then frames from the card's memory and from the host's are timed, and the start of a process; a bundle with
several variants is swapped among them while threads call; on a machine with several cards, each must find what the
first finds. Needs numpy and the thin runtime; Pillow with --data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.beginning import beginnings
from benchmarks.gpu.other_cards import on_other_cards
from benchmarks.gpu.same import LIKENESS, Likeness, identical, strangers
from benchmarks.gpu.swapping import Kind, found_by, swaps
from benchmarks.gpu.timing import OnCard, called, figures
from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.compiler.quality.evaluate import CONFIDENCE, IOU
from zcc.compiler.quality.pictures import Pictures, load_pictures
from zcc.runtime import Detector
from zcc.runtime.executors.cuda_context import context
from zcc.runtime.places import find_source

CONF = 0.25  # what a detector lets through unless told otherwise
FRAME = (1080, 1920, 3)


def kinds_in(bundle: Path) -> list[Kind]:
    """Dtype and target of every variant."""
    variants = find_source(str(bundle), None).variants(str(bundle))
    return sorted((each.manifest.dtype, each.manifest.target) for each in variants)


def on_card(kind: Kind) -> bool:
    """Whether a variant is for a card."""
    return kind[1].startswith("cuda")


def label(kind: Kind) -> str:
    """A variant by name."""
    return "-".join(kind)


def accuracy(bundle: Path, kind: Kind, pictures: Pictures) -> float:
    """mAP50-95 of a variant."""
    detector = Detector.load(bundle, *kind)
    found = [detector(frame, CONFIDENCE, IOU) for frame in pictures.frames]
    assert pictures.labels is not None
    return round(mean_average_precision(pictures.labels, found).map50_95, 4)


def differences(bundle: Path, kinds: Sequence[Kind], pictures: Pictures) -> Iterator[str]:
    """Where a card's variants find what the processor's do not."""
    frames = list(pictures.frames)
    found = {kind: found_by(bundle, kind, frames) for kind in kinds}
    for kind in filter(on_card, kinds):
        dtype = "int8" if kind[0] == "int8" else "fp32"
        like = next((other for other in kinds if other[0] == dtype and not on_card(other)), None)
        if like is None:
            continue
        pairs = list(zip(found[kind], found[like], strict=True))
        if dtype == "int8":
            wrong, what = sum(not identical(*pair) for pair in pairs), "pictures differ in some bit"
        else:
            near = LIKENESS.get(kind[0], Likeness())
            told = [f"picture {n}, {each}" for n, pair in enumerate(pairs) for each in strangers(*pair, CONF, near)]
            print("\n".join(told), end="\n" * bool(told))
            wrong, what = len(told), "boxes have no like"
        boxes = sum(len(each) for each in found[kind])
        print(f"{label(kind)} against {label(like)}: {len(pairs)} pictures, {boxes} boxes, {wrong} {what}", flush=True)
        if wrong:
            yield f"{label(kind)}: {wrong} {what} of {label(like)}"


def times(bundle: Path, kind: Kind) -> dict[str, Any]:
    """Microseconds of frames, and seconds of a start, of a variant on the card."""
    detector = Detector.load(bundle, *kind, device="cuda")
    frame = np.random.default_rng(0).integers(0, 256, FRAME, np.uint8)
    lying = OnCard(context(0), frame)
    return {
        "boxes": len(detector(frame)),
        "frame on the card to boxes": figures(called(lambda: detector(lying))),
        "frame on the host to boxes": figures(called(lambda: detector(frame))),
        "process start to first boxes, seconds": beginnings(bundle, kind[0]),
    }


def examine(bundle: Path, data: Path | None) -> tuple[dict[str, Any], list[str]]:
    """Everything about one bundle: its figures, and what is wrong with it."""
    kinds, results, faults = kinds_in(bundle), dict[str, Any](), list[str]()
    cards = [kind for kind in kinds if on_card(kind)]
    if data is not None:
        names = Detector.load(bundle, *cards[0]).manifest.classes
        pictures = load_pictures(data, names)
        faults += differences(bundle, kinds, pictures)
        if pictures.labels is not None:
            results["mAP50-95"] = {label(kind): accuracy(bundle, kind, pictures) for kind in kinds}
        frames = [frame for frame, _ in zip(pictures.frames, range(8), strict=False)]
        results["swaps, milliseconds"], wrong = swaps(bundle, kinds, frames)
        faults += [*wrong, *on_other_cards(bundle, cards, frames)]
    return results | {label(kind): times(bundle, kind) for kind in cards}, faults


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE.zcc")
    parser.add_argument("--data", type=Path, metavar="DIR", help="pictures that the first bundle's detector is for")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results, faults = dict[str, Any](card=context(0).name), list[str]()
    for number, bundle in enumerate(options.bundles):
        results[bundle.stem], wrong = examine(bundle, None if number else options.data)
        faults += [f"{bundle.stem}: {each}" for each in wrong]
        for what, value in results[bundle.stem].items():
            print(f"{bundle.stem} {what}: {json.dumps(value)}", flush=True)
    print("\n".join(["failures:", *faults]) if faults else "no failures")
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
