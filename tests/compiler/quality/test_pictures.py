"""Pictures to compare detectors on: labelled folders, plain folders, and how often a file is decoded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zcc.compiler.quality import pictures
from zcc.compiler.quality.pictures import Album, labelled_pictures, load_pictures
from zcc.runtime.errors import DatasetError

NAMES = ("cat", "dog")


def write(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.new("RGB", (8 + number, 6), (10 * number, 0, 200)).save(path)
    return paths


def test_an_album_gives_the_frames_in_order_again_and_again(tmp_path: Path) -> None:
    paths = write(tmp_path)
    album = Album(paths)
    assert len(album) == 3
    for _ in range(2):
        frames = list(album)
        assert [frame.shape for frame in frames] == [(6, 8, 3), (6, 9, 3), (6, 10, 3)]
        assert [frame[0, 0].tolist() for frame in frames] == [[200, 0, 0], [200, 0, 10], [200, 0, 20]]


def test_what_fits_into_memory_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = paths = write(tmp_path)
    monkeypatch.setattr(pictures, "MOST_KEPT", 3 * 6 * (8 + 9))
    album = Album(paths)
    before = list(album)
    first.unlink()
    second.unlink()
    for kept, again in zip(before, album, strict=True):
        np.testing.assert_array_equal(kept, again)
    third.unlink()
    with pytest.raises(DatasetError, match=third.name):
        list(album)


def test_a_labelled_folder_is_numbered_as_the_model_is(tmp_path: Path) -> None:
    write(tmp_path / "images")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "1.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "classes.txt").write_text("dog")
    found = load_pictures(tmp_path, NAMES)
    assert (found.place, found.count) == (tmp_path.name, 3)
    assert found.labels is not None
    assert [list(each.classes) for each in found.labels] == [[], [1], []]


def test_a_coco_json_counts_as_labels(tmp_path: Path) -> None:
    write(tmp_path / "images", count=1)
    document = {
        "images": [{"id": 1, "file_name": "0.png"}],
        "annotations": [{"image_id": 1, "category_id": 7, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": 7, "name": "cat"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(document))
    for path in (tmp_path, tmp_path / "labels.json"):
        found = load_pictures(path, NAMES)
        assert found.labels is not None
        assert found.count == 1


@pytest.mark.parametrize("inside", ["", "images"])
def test_a_folder_of_pictures_alone_has_no_labels(tmp_path: Path, inside: str) -> None:
    write(tmp_path / inside)
    (tmp_path / inside / "notes.txt").write_text("no picture")
    found = load_pictures(tmp_path, NAMES)
    assert found.labels is None
    assert found.count == len(list(found.frames)) == 3


def test_where_labels_are_needed_their_absence_is_an_error(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DatasetError, match="is not a labelled folder"):
        labelled_pictures(tmp_path, NAMES)


def test_empty_labels_are_not_taken_for_none(tmp_path: Path) -> None:
    write(tmp_path / "images")
    (tmp_path / "labels").mkdir()
    with pytest.raises(DatasetError, match="labels nothing"):
        load_pictures(tmp_path, NAMES)


def test_a_folder_without_pictures_and_a_missing_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no pictures"):
        load_pictures(tmp_path, NAMES)
    with pytest.raises(DatasetError, match="there is no folder"):
        load_pictures(tmp_path / "absent", NAMES)
