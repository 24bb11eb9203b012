"""KServe's own client asks, and gets what the detector finds."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.web.serve.running import told
from zcc.web.serve.offer import Offer

http = pytest.importorskip("tritonclient.http", reason="no client of KServe's: pip install tritonclient[http]")
Pixels = NDArray[np.uint8]
INFER = "/v2/models/tiny/infer"


@pytest.fixture
def client(address: str) -> Any:
    """Theirs."""
    made = http.InferenceServerClient(urlsplit(address).netloc)
    yield made
    made.close()


def test_the_server_and_its_model_tell_what_they_are(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("tiny")
    model = client.get_model_metadata("tiny")
    assert model["versions"] == ["int8", "fp32", "adaptive"]
    assert [each["name"] for each in model["outputs"]] == ["boxes", "scores", "classes"]
    assert client.get_server_metadata()["name"] == "zcc"
    assert not client.is_model_ready("other") and not client.is_model_ready("tiny", "fp64")


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("returned", [True, False])
def test_a_frame_is_answered_with_tensors(client: Any, offer: Offer, frame: Pixels, sent: bool, returned: bool) -> None:
    given = http.InferInput("frame", list(frame.shape), "UINT8")
    given.set_data_from_numpy(frame, binary_data=sent)
    outputs = [http.InferRequestedOutput(name, binary_data=returned) for name in ("classes", "boxes", "scores")]
    found = client.infer("tiny", [given], "fp32", outputs, request_id="7", parameters={"conf": 0.4, "iou": 0.6})
    expected = offer.variants["fp32"].run(frame, 0.4, 0.6)
    assert len(expected) and found.get_response()["id"] == "7"
    np.testing.assert_array_equal(found.as_numpy("boxes"), expected.boxes)
    np.testing.assert_array_equal(found.as_numpy("scores"), expected.scores)
    np.testing.assert_array_equal(found.as_numpy("classes"), expected.classes)


def test_an_encoded_picture_is_answered_alike(client: Any, offer: Offer, frame: Pixels, picture: bytes) -> None:
    given = http.InferInput("image", [1], "BYTES")
    given.set_data_from_numpy(np.array([picture], object))
    found = client.infer("tiny", [given])
    expected = offer.variants["int8"].run(frame, 0.25, 0.45)
    np.testing.assert_array_equal(found.as_numpy("boxes"), expected.boxes)


def tensor(**changes: Any) -> dict[str, Any]:
    """A request with one small frame in it, changed."""
    given = {"name": "frame", "datatype": "UINT8", "shape": [2, 2, 3], "data": [0] * 12, **changes}
    return {"inputs": [{key: value for key, value in given.items() if value is not None}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "no object"),
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        (tensor(datatype="FP32"), "datatype"),
        (tensor(shape=[2, 2]), "shape [height, width, 3]"),
        (tensor(shape=[1 << 20, 1 << 20, 3]), "12 values"),
        (tensor(shape=[-2, 2, 3]), "shape"),
        (tensor(shape=[0, 2, 3], data=[]), "shape"),
        (tensor(data=[300] * 12), "no byte"),
        (tensor(data=[0.5] * 12), "no byte"),
        (tensor(data=["a"] * 12), "no byte"),
        (tensor(data=[[0], [1, 2]]), "request"),
        (tensor(data=None), "no data"),
        (tensor(data=None, parameters={"binary_data_size": 12}), "0 bytes of data"),
        (tensor(data=None, parameters=[]), "parameters"),
        (tensor(datatype="BYTES", shape=[1]), "binary data"),
        ({**tensor(), "outputs": [{"name": "masks"}]}, "outputs"),
        ({**tensor(), "parameters": {"conf": "much"}}, "conf"),
        ({**tensor(), "parameters": []}, "parameters"),
    ],
)
def test_malformed_requests_are_refused_in_a_line(address: str, document: Any, words: str) -> None:
    status, answer = told(address, INFER, json.dumps(document).encode())
    assert status == 400 and words in answer["error"], answer


@pytest.mark.parametrize("length", ["-1", "9999", "x", "3"])
def test_a_head_of_a_wrong_length_is_refused(address: str, length: str) -> None:
    body = json.dumps(tensor()).encode()
    assert told(address, INFER, body, Inference_Header_Content_Length=length)[0] == 400


def test_unknown_models_are_not_found(address: str) -> None:
    assert told(address, "/v2/models/other/infer", b"{}")[0] == 404
    assert told(address, "/v2/models/tiny/versions/fp64/infer", b"{}")[0] == 404
