"""Closed loops by h2load (Debian: nghttp2-client), which is written in C: the load costs little of
the cores that it shares with the server.

h2load does not see `grpc-status`: a server that refuses a call looks fast. So the bytes of the
answers must be as many as that many answers have.
"""

import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from benchmarks.serving.load import Outcome, Sample
from benchmarks.serving.protocols import PREDICT_METHOD, TIMEOUT, Request, grpc_body, rest_body
from digits.contract import MODEL_NAME

_GRPC_HEAD: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""
_REQUESTS: Final = re.compile(r"requests: .* (\d+) done, (\d+) succeeded,")
_TRAFFIC: Final = re.compile(r"traffic: .*\((\d+)\) data")


@dataclass(frozen=True)
class Address:
    """Where a server listens, as host:port."""

    grpc: str
    rest: str


def check_installed() -> None:
    """Raises SystemExit where there is no h2load."""
    if shutil.which("h2load") is None:
        raise SystemExit(
            "expected the program h2load; received none; install it (Debian: nghttp2-client)"
        )


def closed(
    address: Address, protocol: str, request: Request, clients: int, seconds: float
) -> Sample:
    """So many callers, each asking again as soon as it has its answer.

    Raises:
        SystemExit: the server does not answer this request, or answers with other bytes under load.
    """
    if protocol == "grpc":
        body, reply = grpc_body(request), _ask_grpc(address, request)
        sent = len(body).to_bytes(_GRPC_HEAD, "big") + body
        headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        arguments = [*headers, f"http://{address.grpc}{PREDICT_METHOD}"]
        return _load(sent, arguments, clients, seconds, reply)
    url = f"http://{address.rest}/v1/models/{MODEL_NAME}:predict"
    return load_rest(url, rest_body(request), clients, seconds)


def load_rest(url: str, body: bytes, clients: int, seconds: float) -> Sample:
    """The same for a JSON body and any address; HTTP says by itself what failed."""
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=TIMEOUT):
        pass  # anything but 200 raises
    arguments = ["--h1", "-H", "content-type: application/json", url]
    return _load(body, arguments, clients, seconds, 0)


def _ask_grpc(address: Address, request: Request) -> int:
    """The bytes of one answer, with its head."""
    with grpc.insecure_channel(address.grpc) as channel:
        predict: Callable[..., bytes] = channel.unary_unary(PREDICT_METHOD)
        reply = predict(grpc_body(request), timeout=TIMEOUT)
    return _GRPC_HEAD + len(reply)


def _load(body: bytes, arguments: list[str], clients: int, seconds: float, reply: int) -> Sample:
    with tempfile.TemporaryDirectory() as place:
        sent, log = Path(place) / "body", Path(place) / "log"
        sent.write_bytes(body)
        command = ["h2load", f"--duration={1000 * seconds:.0f}ms", f"--clients={clients}"]
        command += ["--threads=1", "--max-concurrent-streams=1", f"--data={sent}"]
        command += [f"--log-file={log}", *arguments]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in log.read_text().splitlines()]
    sample = Sample(seconds)
    for _, status, microseconds in rows:
        outcome = Outcome.ANSWERED if status == "200" else Outcome.FAILED
        sample.latencies[outcome].append(int(microseconds) / 1000)
    check_report(report, reply)
    return sample


def check_report(report: str, reply: int) -> None:
    """Compare the bytes that h2load received with those of as many answers.

    Args:
        report: what h2load printed.
        reply: bytes of one answer.

    Raises:
        SystemExit: there were less.
    """
    requests, traffic = _REQUESTS.search(report), _TRAFFIC.search(report)
    assert requests and traffic, f"h2load reports in another form: {report}"
    least = int(requests[2]) * reply
    if int(traffic[1]) < least:
        raise SystemExit(
            f"expected {requests[2]} answers of {reply} bytes; received {traffic[1]} bytes: the "
            "server refused some of them; let it take more calls at once (--grpc_max_threads)"
        )
