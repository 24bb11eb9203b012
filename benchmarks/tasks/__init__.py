"""Models of every task against OpenVINO and ONNX Runtime with the usual pre- and postprocess in OpenCV and numpy."""
