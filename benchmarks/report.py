"""How large a report is and how soon it is open: python -m benchmarks.report [--variants 50] [--rounds 9]

Made-up variants with kernels, figures, signatures and a past, written by `zcc report`, opened from disk in a headless
Chromium whose process is there already. The page counts as open once its own script is through and it was drawn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.web.conftest import CHROMIUMS
from tests.web.samples import fill
from zcc.commands.main import cli

# Resolved when a frame was drawn after the load event.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def main() -> int:
    """Write the page, open it several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        print(f"error: none of {', '.join(CHROMIUMS)} is installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), given.variants)
        page = Path(folder) / "page.html"
        start = time.perf_counter()
        cli.main(["report", "-o", str(page), "--registry", f"{folder}/registry"], standalone_mode=False)
        written = time.perf_counter() - start
        opened = statistics.median(_opened(program, page, given.rounds))
        print(f"{given.variants} variants: {page.stat().st_size / 1e6:.2f} MB, written in {written:.2f} s")
    print(f"open in {opened:.3f} s, median of {given.rounds}")
    return 0


def _opened(program: str, page: Path, rounds: int) -> list[float]:
    """Seconds from an empty tab to the drawn page, after one that does not count."""
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program)
        for _ in range(rounds + 1):
            tab = browser.new_context().new_page()
            start = time.perf_counter()
            tab.goto(page.as_uri())
            tab.evaluate(DRAWN)
            taken.append(time.perf_counter() - start)
            tab.context.close()
        browser.close()
    return taken[1:]


if __name__ == "__main__":
    sys.exit(main())
