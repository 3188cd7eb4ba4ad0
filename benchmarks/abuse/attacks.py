"""What a stranger sends, as a program of its own, so that it slows no caller that is measured:
`python -m benchmarks.abuse.attacks NAME GRPC_PORT REST_PORT SECONDS`."""

import base64
import http.client
import itertools
import json
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import Final

import grpc
import numpy as np

from serving.client.transport import messages
from serving.client.transport.tensors import encode
from tests.support.http2 import PREFACE, begun_and_reset

_HOST: Final = "127.0.0.1"
_PATH: Final = "/v1/models/digits:predict"
_METHOD: Final = "/tensorflow.serving.PredictionService/Predict"
_CALLERS: Final = 160
_REFUSED: Final = 0.01
"""Seconds until a refused caller calls again."""
_GIVE_UP: Final = 2.0
"""Seconds after which a caller of something large hangs up."""


def escaped_quotes(_grpc: int, rest: int, until: float) -> None:
    """48 KB of JSON that a careless reader reads again at every quote."""
    run_at_once(2, lambda: _post(rest, b'[Inf,"' + b'\\"' * 24_000, until, wait=until))


def saliency(_grpc: int, rest: int, until: float) -> None:
    """Saliency maps of 4,096 images, sixteen times, by callers who hang up."""
    rows = [[[0] * 28] * 28] * 4096
    body = json.dumps({"signature_name": "explain", "inputs": rows}, separators=(",", ":"))
    run_at_once(16, lambda: _post(rest, body.encode(), until, wait=_GIVE_UP))


def large_pictures(_grpc: int, rest: int, until: float) -> None:
    """A hundred PNGs of 2,000 x 2,000, sixteen times, by callers who hang up."""
    picture = base64.b64encode(white_png(2000)).decode("ascii")
    body = {"signature_name": "drawings", "inputs": [{"b64": picture}] * 100}
    content = json.dumps(body).encode()
    run_at_once(16, lambda: _post(rest, content, until, wait=_GIVE_UP))


def large_bodies(_grpc: int, rest: int, until: float) -> None:
    """Eight bodies of 8 MB at once, again and again."""
    content = b'{"instances":[' + b"1.5," * ((8 << 20) // 4 - 8) + b"1]}"
    run_at_once(8, lambda: _post(rest, content, until, wait=until))


def many_large_calls(grpc_port: int, _rest: int, until: float) -> None:
    """More calls of 128 saliency maps than the server has places, each on a connection of its own
    and without an end."""
    content = _request("explain", 128)
    run_at_once(_CALLERS, lambda: _call(grpc_port, itertools.repeat(content), until))


def batch_sizes(grpc_port: int, _rest: int, until: float) -> None:
    """Every number of images from 1 to 1,000, mixed, four at a time: memory that is kept for each
    shape adds up."""
    sizes = np.random.default_rng(1).permutation(1_000) + 1
    shares = [sizes[first::4] for first in range(4)]
    run_at_once(4, lambda: _call(grpc_port, map(_images, itertools.cycle(shares.pop())), until))


def _images(count: int) -> bytes:
    return _request("serving_default", count)


def _request(signature: str, count: int) -> bytes:
    request = messages.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "digits", signature
    request.inputs["images"].CopyFrom(encode(np.zeros((count, 28, 28), np.uint8)))
    content: bytes = request.SerializeToString()
    return content


def _call(port: int, contents: Iterable[bytes], until: float) -> None:
    """Ask one after another on a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"{_HOST}:{port}", options=options) as channel:
        call: Callable[..., bytes] = channel.unary_unary(_METHOD)
        for content in contents:
            if (left := until - time.monotonic()) <= 0:
                return
            try:
                call(content, timeout=left)
            except grpc.RpcError:
                time.sleep(_REFUSED)


def rapid_reset(grpc: int, _rest: int, until: float) -> None:
    """Calls that are begun and reset at once on one connection."""
    with socket.create_connection((_HOST, grpc)) as one, suppress(OSError):
        one.settimeout(1.0)
        one.sendall(PREFACE)
        first = 1
        while time.monotonic() < until:
            with suppress(TimeoutError):
                one.sendall(begun_and_reset(range(first, first + 200, 2)))
            first += 200


def idle_connections(grpc: int, rest: int, until: float) -> None:
    """Three hundred connections to each port that say nothing."""
    with ExitStack() as opened:
        for port in (grpc, rest) * 300:
            opened.enter_context(socket.create_connection((_HOST, port)))
        time.sleep(max(0.0, until - time.monotonic()))


ATTACKS: Final[dict[str, Callable[[int, int, float], None]]] = {
    attack.__name__: attack
    for attack in (
        escaped_quotes,
        saliency,
        large_pictures,
        large_bodies,
        many_large_calls,
        batch_sizes,
        rapid_reset,
        idle_connections,
    )
}


def run_at_once(count: int, call: Callable[[], None]) -> None:
    threads = [threading.Thread(target=call, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _post(port: int, body: bytes, until: float, wait: float) -> None:
    while time.monotonic() < until:
        one = http.client.HTTPConnection(
            _HOST, port, timeout=min(wait, until - time.monotonic() + 1)
        )
        with suppress(OSError, http.client.HTTPException):
            one.request("POST", _PATH, body)
            one.getresponse().read()
        one.close()


def white_png(side: int) -> bytes:
    """A white square."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


if __name__ == "__main__":
    name, grpc_port, rest_port, seconds = sys.argv[1:]
    ATTACKS[name](int(grpc_port), int(rest_port), time.monotonic() + float(seconds))
