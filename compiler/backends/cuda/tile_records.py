"""What was measured of tiles, as a file: for each kind of convolution the seconds of every tile that was tried by
itself, and the tile that a network was quickest with, where that is known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from zcc.compiler.backends.common.record_folders import SHIPPED, own_records
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.target import Target
from zcc.runtime.errors import TuningError

TILES = "tiles.json"
NOTICEABLE = 0.99  # a tile is taken when it needs less than this share of the default's time
_TILE = re.compile(r"(\d+)x(\d+) row (\d+) warps (\d+)x(\d+) stages (\d+) split (\d+)( cached)?( patch)?")


class Product(NamedTuple):
    """A convolution, as far as its tile depends on it."""

    pixels: int  # of the result
    outputs: int
    products: int  # that one output sums up
    bytes: int  # of a factor

    @property
    def name(self) -> str:
        """Its name in tables and messages."""
        return f"conv of {self.pixels} pixels, {self.outputs} outputs, {self.products} products of {self.bytes} bytes"


def product_of(spec: ConvMma) -> Product:
    """The convolution that a kernel computes."""
    return Product(spec.y.pixels, spec.y.channels, spec.depth, spec.x.format.bytes)


def write_tile(tile: Tile) -> str:
    """A tile in words; `read_tile` reads them."""
    warps = f"{tile.warps[0]}x{tile.warps[1]}"
    words = f"{tile.pixels}x{tile.outputs} row {tile.row} warps {warps} stages {tile.stages} split {tile.split}"
    return words + " cached" * tile.cached + " patch" * tile.patch


def read_tile(words: str) -> Tile:
    """The tile that such words stand for; a TuningError where they are none."""
    match = _TILE.fullmatch(words)
    if match is None:
        raise TuningError(f"a tuning record names the tile {words!r}, which is none", "remove the file, and tune again")
    pixels, outputs, row, across, down, stages, split = (int(number) for number in match.groups()[:7])
    return Tile(pixels, outputs, row, (across, down), stages, split, match[8] is not None, match[9] is not None)


@dataclass
class TileRecords:
    """Seconds of tiles by convolution, None where a tile failed; and tiles that were chosen in a network."""

    known: dict[Product, dict[str, float | None]] = field(default_factory=dict)
    chosen: dict[Product, str] = field(default_factory=dict)

    @property
    def digest(self) -> str | None:
        """The hash of everything known."""
        return sha256(self.text().encode()).hexdigest() if self.known else None

    def text(self) -> str:
        """Canonical JSON, a line for each convolution."""
        lines = [json.dumps(self._row(product)) for product in sorted(self.known)]
        return "[" + ",\n".join(lines) + "]\n"

    def _row(self, product: Product) -> list[Any]:
        chosen = [self.chosen[product]] if product in self.chosen else []
        return [list(product), dict(sorted(self.known[product].items())), *chosen]

    def best(self, product: Product, default: Tile) -> Tile | None:
        """The tile chosen, else the quickest if it is known to be noticeably quicker than the default; else None."""
        if product in self.chosen:
            return read_tile(self.chosen[product])
        sound = {words: taken for words, taken in self.known.get(product, {}).items() if taken is not None}
        if not sound:
            return None
        quickest, usual = min(sound, key=lambda words: sound[words]), sound.get(write_tile(default))
        if usual is not None and sound[quickest] > NOTICEABLE * usual:
            return None
        return read_tile(quickest)

    def add(self, others: Mapping[Product, Mapping[str, float | None]]) -> None:
        """Take others' figures up; of two of one tile, theirs."""
        for product, tiles in others.items():
            self.known.setdefault(product, {}).update(tiles)

    def replace_by(self, others: TileRecords) -> None:
        """Take others up; what they know of a convolution stands alone, since cards differ."""
        self.known |= others.known
        self.chosen = {product: words for product, words in self.chosen.items() if product not in others.known}
        self.chosen |= others.chosen

    def best_only(self) -> TileRecords:
        """For each convolution the tile chosen, else the quickest, and no other."""
        best: dict[Product, dict[str, float | None]] = {}
        for product, tiles in self.known.items():
            sound = {words: taken for words, taken in tiles.items() if taken is not None}
            if sound:
                words = self.chosen.get(product) or min(sound, key=lambda each: sound[each])
                best[product] = {words: tiles[words]}
        return TileRecords(best)


def read_tiles(folder: Path) -> TileRecords:
    """The records of a folder; none where there are none."""
    path = folder / TILES
    try:
        rows = json.loads(path.read_text())
        known = {Product(*map(int, product)): _seconds(tiles) for product, tiles, *_ in rows}
        chosen = {Product(*map(int, product)): _one_of(tiles, *best) for product, tiles, *best in rows if best}
    except FileNotFoundError:
        return TileRecords()
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise TuningError(f"{path} holds no tuning records: {error}", "remove it, and tune again") from error
    return TileRecords(known, chosen)


def _one_of(tiles: Mapping[str, float | None], words: str) -> str:
    if tiles[words] is None:
        raise ValueError(f"the tile chosen, {words!r}, failed")
    return words


def _seconds(tiles: Mapping[str, float | None]) -> dict[str, float | None]:
    for words in tiles:
        read_tile(words)
    return {words: None if taken is None else float(taken) for words, taken in tiles.items()}


def write_tiles(folder: Path, records: TileRecords) -> None:
    """Put records into a folder; whoever reads meanwhile sees the old ones or the new."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{TILES}.new"
    beside.write_text(records.text())
    beside.replace(folder / TILES)


def find_tiles(home: Path, target: Target) -> TileRecords:
    """What came with zcc, and over it what a user's own searches found."""
    records = read_tiles(SHIPPED / target.key)
    records.replace_by(read_tiles(own_records(home, target)))
    return records
