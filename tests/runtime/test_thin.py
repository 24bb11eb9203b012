"""The runtime is thin: an artifact's folder, numpy and tvm_ffi are all it takes."""

from __future__ import annotations

from tests.conftest import Tiny
from tests.runtime.samples import noise, run_python
from zcc.runtime import Detector

# Every other package counts as not installed; what numpy and tvm_ffi try to import on their own is theirs to miss.
ALONE = """
import sys
ALLOWED = {"numpy", "tvm_ffi", "typing_extensions", "zcc", *sys.stdlib_module_names}
refused = set()

class Alone:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ALLOWED:
            return self.finder.find_spec(name, path, target)
        refused.add(top)

    def __getattr__(self, name):  # what is asked about installed distributions
        return getattr(self.finder, name)

sys.meta_path[:] = [Alone(finder) for finder in sys.meta_path]
"""


def test_it_runs_where_nothing_else_is_installed(tiny_artifact: Tiny, detector: Detector) -> None:
    code = f"""{ALONE}
import numpy as np
from zcc.runtime import Detector
detector = Detector.load(sys.argv[1])
frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
print(detector(frame).boxes.tobytes().hex())
tops = {{name.partition(".")[0] for name in sys.modules}}
foreign = {{top for top in tops - ALLOWED if getattr(sys.modules[top], "__spec__", None)}}
print(sorted(foreign - {{"cython_runtime", "sitecustomize"}}))
for name in ("tvm", "sqlalchemy", "click", "onnx"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        print(name, "is not there")
"""
    boxes, foreign, *missing = run_python(code, tiny_artifact.folder).splitlines()
    assert bytes.fromhex(boxes) == detector(noise(48, 64)).boxes.tobytes()
    assert [word for word in foreign.strip("[]").split(", ") if not word.strip("'").startswith("_")] in ([], [""])
    assert len(missing) == 4, "the test itself hides what it says it hides"


def test_a_name_is_found_in_a_folder_where_nothing_else_is_installed(tiny_artifact: Tiny, detector: Detector) -> None:
    code = f"""{ALONE}
from zcc.runtime import Detector
print(Detector.load("tiny", registry=sys.argv[1]).manifest.digest)
"""
    assert run_python(code, tiny_artifact.home).strip() == detector.manifest.digest


def test_a_database_on_a_server_is_refused_with_the_way_out() -> None:
    code = f"""{ALONE}
from zcc.runtime import Detector
from zcc.runtime.errors import UsageError
try:
    Detector.load("tiny", registry="postgresql://somebody@host/zcc?files=/x")
except UsageError as error:
    print(error)
"""
    told = run_python(code)
    assert "the registry needs sqlalchemy" in told and "pip install '.[compiler]'" in told
