"""The process in which a model file is read; started by `sandbox`, and of no use elsewhere."""

from __future__ import annotations

import json
import resource
import sys
import traceback
from pathlib import Path

from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.sandbox import ERRORS, REQUEST, write_json, write_result


def main() -> None:
    """Do what the folder's request asks and leave the result there."""
    folder = Path(sys.argv[1])
    request = json.loads((folder / REQUEST).read_text())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (request["limit_bytes"],) * 2)
    classes = request["classes"]
    try:
        model = prepare(
            Path(request["path"]),
            None if request["imgsz"] is None else tuple(request["imgsz"]),
            None if classes is None else tuple(classes),
            frozenset(request["supported"]),
        )
        write_result(folder, model)
    except tuple(ERRORS.values()) as error:
        report = {"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy}
        write_json(folder, report)
    except MemoryError:
        problem = f"{request['path']} takes more than {request['limit_bytes'] >> 30} GB to read"
        write_json(folder, {"error": "ModelError", "problem": problem, "remedy": "export the model again"})
    except Exception:  # noqa: BLE001 - whatever it is, the parent must hear of it
        write_json(folder, {"bug": traceback.format_exc().strip().splitlines()[-1]})


if __name__ == "__main__":
    main()
