"""The sample that classifies names the large shape of pictures that it never saw."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from examples.shapes.classify.pictures import SIZE, make_picture, to_input, write_folders
from examples.shapes.outlines import CLASSES
from zcc import sample

UNSEEN_SEED, PICTURES = 555_000, 60
SHARE = 0.75


def test_the_file_is_small_and_says_what_it_is() -> None:
    assert sample.MODELS["classify"].stat().st_size < 3_000_000
    properties = {entry.key: entry.value for entry in onnx.load(sample.MODELS["classify"]).metadata_props}
    assert properties["task"] == "classify" and ast.literal_eval(properties["names"]) == dict(enumerate(CLASSES))


def test_it_names_the_shapes_of_unseen_pictures() -> None:
    session = onnxruntime.InferenceSession(sample.MODELS["classify"], providers=["CPUExecutionProvider"])
    right = 0
    for index in range(PICTURES):
        picture, number = make_picture(UNSEEN_SEED, index)
        image = np.ascontiguousarray(to_input(picture).transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        (found,) = session.run(None, {"images": image})
        right += int(found[0].argmax()) == number
    assert right >= SHARE * PICTURES


def test_folders_hold_the_pictures_of_their_class(tmp_path: Path) -> None:
    write_folders(tmp_path, 8, UNSEEN_SEED)
    for index in range(8):
        picture, number = make_picture(UNSEEN_SEED, index)
        with Image.open(tmp_path / CLASSES[number] / f"{index:05}.jpg") as kept:
            assert kept.size == picture.shape[1::-1]
        assert to_input(picture).shape == (SIZE, SIZE, 3)
