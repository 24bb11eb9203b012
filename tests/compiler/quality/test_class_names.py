"""Class names beside labels, in every form that people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zcc.compiler.quality.class_names import find_names
from zcc.runtime.errors import DatasetError

NAMES = ("person", "traffic light", "it's", "a, b", "café # 1")

FORMS = {
    "a list on one line": """names: [person, traffic light, it's, "a, b", 'café # 1']  # classes""",
    "a list over several lines": """
        names: [ 'person', "traffic light",  # two
            "it's",
            'a, b', "café # 1",
        ]""",
    "a mapping": """
        nc: 5
        names:
          0: person
          1: traffic light
          # the third
          2: 'it''s'

          3: "a, b"
          4: 'café # 1'
        train: images/train""",
    "a mapping without order": """
        names:
            4: "café # 1"
            '0': person
            3: 'a, b'
            2: "it's"
            1: traffic light""",
    "dashes": """
        names:
        - person
        - traffic light
        - it's
        - "a, b"
        - 'café # 1'
        nc: 5""",
    "indented dashes": """
        "names" :
          -  person
          -  'traffic light'
          -  "it's"
          -  a, b
          -  "café # 1\"""",
    "a mapping on one line": """names: {0: person, 1: "traffic light", 2: 'it''s', 3: "a, b", 4: 'café # 1'}""",
}


def flush(text: str) -> str:
    """The text without the margin that it has in this file."""
    lines = text.strip("\n").splitlines()
    return "\n".join(re.sub(r"^ {8}", "", line) for line in lines) + "\n"


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_names_in_a_yaml_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(f"# made by hand\npath: ../data\n{flush(text)}", encoding="utf-8")
    assert find_names(tmp_path) == NAMES


@pytest.mark.parametrize(
    "text",
    ["names: [a, b", "names: 5", "names:\n  0: a\n  2: b\n", "names: []", "names:\nnc: 2\n", "names: [a, '']"],
)
def test_names_that_cannot_be_read_are_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"data.yaml cannot be read; write names: \[first, second\]"):
        find_names(tmp_path)


def test_a_yaml_file_without_names_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("nc: 2\nsource:\n  names: [a, b]\n")
    assert find_names(tmp_path) == ()
    assert find_names(tmp_path / "labels") == ()


def test_one_file_may_stand_beside_several_folders(tmp_path: Path) -> None:
    (tmp_path / "dataset.yml").write_text("names: [a, b]\n")
    (tmp_path / "val" / "labels").mkdir(parents=True)
    assert find_names(tmp_path / "val") == ("a", "b")
    (tmp_path / "val" / "labels" / "classes.txt").write_text("b\na\n\n")
    assert find_names(tmp_path / "val") == ("b", "a"), "what is nearer knows better"


def test_files_that_disagree_are_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("a\nb\n")
    (tmp_path / "data.yaml").write_text("names: [b, a]\n")
    with pytest.raises(DatasetError, match=r"classes.txt and .*data.yaml name different classes"):
        find_names(tmp_path)


def test_a_line_without_a_name_would_move_all_others(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("a\n\nb\n")
    with pytest.raises(DatasetError, match=r"classes.txt:2 has no class name"):
        find_names(tmp_path)
