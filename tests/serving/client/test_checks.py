"""What the client refuses before it sends anything."""

import numpy as np
import pytest

from digits.contract import DRAWING_MAX_BYTES
from serving.client import InvalidRequestError, connect
from serving.client.checks import Address, check_drawings, check_images, split_server

SERVERS = {
    "grpc://localhost:8500": Address("grpc", False, "localhost:8500"),
    "rest://10.0.0.1:1": Address("rest", False, "10.0.0.1:1"),
    "grpc://[::1]:65535": Address("grpc", False, "[::1]:65535"),
    "grpcs://digits.example:443": Address("grpc", True, "digits.example:443"),
    "https://digits.example:443": Address("rest", True, "digits.example:443"),
    "http://localhost:8501": Address("rest", False, "localhost:8501"),
    "rest://tf-serving.models.svc:8501": Address("rest", False, "tf-serving.models.svc:8501"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_split_server_good_address_is_taken_apart(server: str) -> None:
    assert split_server(server) == SERVERS[server]


@pytest.mark.parametrize(
    "server",
    [
        *(
            "",
            "localhost:8500",
            "ftp://localhost:8501",
            "grpc://localhost",
            "grpc://:8500",
            "rest://a:b",
            "rest://a:0",
            "rest://a:65536",
        ),
        *(
            "rest://a:8501/",
            "rest://a:8501/v1",
            "rest://u@a:8501",
            "GRPC://a:8500",
            "grpc://a b:1",
            "grpc://a:8500\n",
            "grpc://a:٨٥٠٠",
        ),
    ],
)
def test_connect_bad_address_is_refused(server: str) -> None:
    with pytest.raises(
        InvalidRequestError, match="expected a server such as grpc://localhost:8500"
    ):
        connect(server)


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), float("inf")])
def test_connect_bad_deadline_is_refused(deadline: float) -> None:
    with pytest.raises(InvalidRequestError, match="expected a deadline above 0 seconds; received"):
        connect("grpc://localhost:8500", deadline=deadline)


def test_connect_empty_model_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="expected a model's name; received an empty one"):
        connect("grpc://localhost:8500", model="")


IMAGES: dict[str, tuple[object, str]] = {
    "a list": ([[0]], "received list"),
    "nothing": (None, "received NoneType"),
    "one image alone": (
        np.zeros((28, 28), np.uint8),
        r"received uint8 \[28, 28\]; pass images\[numpy.newaxis\] for",
    ),
    "floats": (
        np.zeros((1, 28, 28), np.float32),
        r"received float32 \[1, 28, 28\]; convert to whole numbers",
    ),
    "with channel": (np.zeros((2, 28, 28, 1), np.uint8), r"received uint8 \[2, 28, 28, 1\]"),
    "flat": (np.zeros((2, 784), np.uint8), r"received uint8 \[2, 784\]"),
    "no images": (
        np.zeros((0, 28, 28), np.uint8),
        r"with n at least 1; received uint8 \[0, 28, 28\]",
    ),
    "a number": (np.array(3, np.uint8), r"received uint8 \[\]"),
}


@pytest.mark.parametrize(("images", "text"), IMAGES.values(), ids=IMAGES)
def test_check_images_wrong_ones_are_refused(images: object, text: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"expected .*{text}"):
        check_images(images)


DRAWINGS: dict[str, tuple[object, str]] = {
    "bytes alone": (b"\x89PNG", r"received bytes; pass \[path.read_bytes\(\)\]"),
    "a path": ("seven.png", "received str"),
    "none": ([], "received an empty list"),
    "a generator": ((b"" for _ in "x"), "received generator"),
    "a path in it": ([b"x", "seven.png"], "received str as drawing 2"),
    "an empty one": ([b""], "received 0 bytes as drawing 1; leave out"),
    "a large one": (
        [bytes(DRAWING_MAX_BYTES + 1)],
        f"received {DRAWING_MAX_BYTES + 1} bytes as drawing 1; send a smaller",
    ),
}


@pytest.mark.parametrize(("drawings", "text"), DRAWINGS.values(), ids=DRAWINGS)
def test_check_drawings_wrong_ones_are_refused(drawings: object, text: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"expected .*{text}"):
        check_drawings(drawings)


def test_check_drawings_the_largest_is_accepted() -> None:
    check_drawings((bytes(DRAWING_MAX_BYTES),))
