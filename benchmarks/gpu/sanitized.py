"""Whole frames under NVIDIA's compute-sanitizer, in every dtype of a bundle.

python -m benchmarks.gpu.sanitized BUNDLE.zcc... [--tools memcheck,racecheck,initcheck,synccheck] [--dtype fp16,int8]

memcheck finds accesses out of bounds, racecheck threads of a block that do not wait for each other, initcheck memory
that is read before anything is written there, synccheck barriers that not all threads reach. Needs the CUDA toolkit's
compute-sanitizer. Several run side by side.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.gpu.detectors import kinds_in, on_card

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
# A frame with few candidates, the same with many, and one of another format and size.
PROGRAM = """
import sys
import numpy as np
from zcc.runtime import Detector
detector = Detector.load(sys.argv[1], dtype=sys.argv[2], device="cuda")
noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
grey = noise[:720, :1280, 0].copy()
print("boxes", [len(detector(noise)), len(detector(noise, conf=0.001)), len(detector(grey, format="gray"))])
"""
SUMMARY = re.compile(r"SUMMARY: (.*)")


def checked(bundle: Path, dtype: str, tool: str) -> tuple[bool, str]:
    """Whether a tool is content with a variant, and what it says."""
    words = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "3", sys.executable, "-c", PROGRAM]
    done = subprocess.run([*words, str(bundle), dtype], capture_output=True, text=True, check=False)
    found = SUMMARY.findall(done.stdout)
    boxes = re.findall(r"boxes \[.*\]", done.stdout)
    sound = done.returncode == 0 and bool(boxes) and bool(found)
    said = f"{', '.join([*found, *boxes])}" if sound else f"{done.stdout[-1500:]}{done.stderr[-1500:]}"
    return sound, f"{bundle.stem} {dtype} {tool}: {said}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE.zcc")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--dtype", default="")
    options = parser.parse_args()
    wanted = options.dtype.split(",") if options.dtype else None
    jobs = [
        (bundle, kind[0], tool)
        for bundle in options.bundles
        for kind in kinds_in(bundle)
        for tool in options.tools.split(",")
        if on_card(kind) and (wanted is None or kind[0] in wanted)
    ]
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as workers:
        sound = True
        for content, said in workers.map(lambda job: checked(*job), jobs):
            print(said, flush=True)
            sound = sound and content
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
