"""What people type, for the end of each command's help and for the documentation; tests hold that it is understood."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "compile": ("zcc compile yolov8n.onnx --dtype fp32,int8 --calib pictures --data labelled",),
    "build": ("zcc build matrix.toml --workers 4",),
    "tune": ("zcc tune yolov8n.onnx --dtype int8 --budget 10m",),
    "tune-server": ("zcc tune-server --tracker 192.168.0.2:9190 --key rpi5 --host 192.168.0.7",),
    "run": (
        "zcc run yolov8n street.jpg 'shots/**/*.png' --save out",
        "zcc run yolov8n door.mp4 --class person --save door-boxes.mp4",
        "zcc run yolov8n camera --show",
        "zcc run yolov8n - --json < street.jpg",
    ),
    "eval": ("zcc eval yolov8n --dtype int8 --data labelled --against yolov8n --against-dtype fp32",),
    "compare": ("zcc compare yolov8n yolov8n --dtype fp32,int8 --data labelled --save differences",),
    "bench": (
        "zcc bench yolov8n --against onnxruntime,openvino --model yolov8n.onnx",
        "zcc bench yolov8n --history",
    ),
    "profile": (
        "zcc profile yolov8n --top 10 --trace frame.json",
        "zcc profile yolov8n --dtype fp32 --diff yolov8n --diff-dtype int8",
    ),
    "adapt": ("zcc adapt yolov8n --data sequence --fit -o policy.json --plot curves.svg",),
    "report": ("zcc report yolov8n -o report.html",),
    "serve": ("zcc serve yolov8n",),
    "list": ("zcc list 'yolov8*' --dtype int8 --sort ms", "zcc list --superseded --csv"),
    "show": ("zcc show yolov8n --dtype int8", "zcc show ./yolov8n.zcc --full"),
    "describe": ("zcc describe yolov8n --dtype int8 'calibrated on the night shots of May'",),
    "tag": ("zcc tag yolov8n stable -m 'passed the night on the test bench'",),
    "untag": ("zcc untag yolov8n:stable",),
    "history": ("zcc history yolov8n:stable",),
    "rollback": ("zcc rollback yolov8n:stable -m 'misses bicycles'",),
    "diff": ("zcc diff yolov8n:stable yolov8n",),
    "protect": ("zcc protect yolov8n:stable --policy policy.json",),
    "keygen": ("zcc keygen release",),
    "sign": ("zcc sign yolov8n --key release.key",),
    "rm": ("zcc rm yolov8n:old --dtype int8",),
    "gc": ("zcc gc --dry-run",),
    "verify": ("zcc verify", "zcc verify yolov8n --policy policy.json"),
    "reindex": ("zcc reindex",),
    "export": ("zcc export yolov8n:stable cam.zcc",),
    "import": ("zcc import cam.zcc",),
    "push": ("zcc push yolov8n oci://registry.example.org/cameras/yolov8n:v1",),
    "pull": ("zcc pull oci://registry.example.org/cameras/yolov8n:v1",),
    "remote": ("zcc remote list oci://registry.example.org/cameras/yolov8n",),
    "doctor": ("zcc doctor",),
    "demo": ("zcc demo --save demo-out",),
    "completion": ('eval "$(zcc completion bash)"',),
}
TITLE = "Example"


def epilog(command: str) -> str | None:
    """The end of a command's help; None for one that has no example."""
    lines = EXAMPLES.get(command, ())
    # click leaves the lines of a paragraph behind this mark as they are.
    return "\n".join(["\b", f"{TITLE}{'s' * (len(lines) > 1)}:", *(f"  {line}" for line in lines)]) if lines else None
