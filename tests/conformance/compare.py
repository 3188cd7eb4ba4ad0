"""Tell in which points an answer differs from the recorded one: code, text, numbers, names,
order."""

import base64
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.recordings import Json

_TOLERANCE: Final = 2e-5
"""Relative; the recordings keep six digits, and the last ones depend on the size of a batch."""
_NODES: Final = re.compile(r"\n?\t \[\[.*", re.DOTALL)
_SET: Final = re.compile(r"\{([\w,]*)\}")
_DEFINITION: Final = re.compile(r"(\w+) \{\n(?:  .*\n)*\}\n")


def differences(recorded: Json, received: Json) -> list[str]:
    """What differs, in words; nothing if the answers are alike."""
    found = _grpc(recorded, received) if "code" in recorded else _rest(recorded, received)
    return list(found)


def _grpc(recorded: Json, received: Json) -> Iterator[str]:
    if recorded["code"] != received["code"]:
        yield (
            f"code {recorded['code']} recorded, {received['code']} ({received.get('message')}) "
            "received"
        )
    elif recorded["code"] != "OK":
        if recorded["message"]:  # what the gRPC runtime alone decides may be worded otherwise
            yield from _text(recorded["message"], received["message"])
    elif "response" in recorded:
        yield from _values(recorded["response"], received["response"], "")
    elif "response_b64" in recorded:  # the health service
        serving = base64.b64decode(recorded["response_b64"]) == b"\x08\x01"
        yield from _values({"status": "SERVING"} if serving else {}, received["response"], "")


def _rest(recorded: Json, received: Json) -> Iterator[str]:
    if recorded["status"] != received["status"]:
        yield (
            f"status {recorded['status']} recorded, {received['status']} "
            f"({str(received.get('body'))[:200]}) received"
        )
        return
    for name, value in (recorded.get("headers") or {}).items():
        if name == "Content-Type" or name.startswith("Access-Control"):
            given = {k.lower(): v for k, v in received["headers"].items()}.get(name.lower())
            if given is None or not given.startswith(value):
                yield f"{name} {value} recorded, {given} received"
    if recorded.get("kept_open") and not received.get("kept_open"):
        yield "connection kept open recorded, closed received"
    yield from _body(recorded, received)


def _body(recorded: Json, received: Json) -> Iterator[str]:
    if "metrics" in recorded:
        yield from _metrics(recorded["metrics"], received["body"])
    elif "json" not in recorded:
        if _bytes_of(recorded) != _bytes_of(received) and not _same_strings(recorded, received):
            yield (
                f"body {str(recorded.get('body'))[:200]!r} recorded, "
                f"{str(received.get('body'))[:200]!r} received"
            )
    elif "json" not in received:
        yield f"JSON recorded, {received.get('body')!r} received"
    elif isinstance(recorded["json"], dict) and list(recorded["json"]) == ["error"]:
        yield from _text(recorded["json"]["error"], str(received["json"].get("error")))
    else:
        yield from _values(recorded["json"], received["json"], "")


def _metrics(recorded: list[str], page: str) -> Iterator[str]:
    """Metrics of the serving code; those of TensorFlow's own parts, whose names are longer, are not
    compared."""
    for name in recorded:
        if name.startswith(":tensorflow:serving:") and f"# TYPE {name}" not in page:
            yield f"metric {name} recorded, none received"


def _bytes_of(answer: Json) -> bytes:
    return (
        base64.b64decode(answer["body_b64"])
        if "body_b64" in answer
        else str(answer.get("body") or "").encode()
    )


def _same_strings(recorded: Json, received: Json) -> bool:
    """Whether two bodies that hold strings which are no UTF-8 are alike but for blanks and the
    order of names."""
    try:
        return bool(_read(_bytes_of(recorded)) == _read(_bytes_of(received)))
    except ValueError:
        return False


def _read(body: bytes) -> Any:
    return json.loads(body.decode(errors="surrogateescape"))


def _text(recorded: str, received: str) -> Iterator[str]:
    if _plain(recorded) not in _plain(received):  # ours may add what was expected, and what to do
        yield f"text {recorded[:600]!r} recorded, {received[:600]!r} received"


def _plain(text: str) -> str:
    """Without the nodes of the graph, and with the names of every set in one order."""
    text = _NODES.sub("", text)
    if "SignatureDef: " in text or "Signature was: " in text:
        text = text.split("\n")[0]  # then follows the definition, whose fields have no fixed order
    return _SET.sub(lambda match: "{" + ",".join(sorted(match[1].split(","))) + "}", text)


def _values(recorded: Any, received: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(received, dict):
        if recorded.keys() != received.keys():
            yield f"{where}: names {sorted(recorded)} recorded, {sorted(received)} received"
        for name in recorded.keys() & received.keys():
            yield from _values(recorded[name], received[name], f"{where}.{name}")
    elif isinstance(recorded, list) and isinstance(received, list):
        if len(recorded) != len(received):
            yield f"{where}: {len(recorded)} values recorded, {len(received)} received"
        for position, (old, new) in enumerate(zip(recorded, received, strict=False)):
            yield from _values(old, new, f"{where}[{position}]")
    elif not _alike(recorded, received):
        yield f"{where}: {str(recorded)[:100]!r} recorded, {str(received)[:100]!r} received"


def _alike(recorded: Any, received: Any) -> bool:
    if isinstance(received, float) and not math.isfinite(received):
        received = (
            str(received).replace("nan", "NaN").replace("inf", "Infinity")
        )  # as the recordings write them
    if (
        isinstance(recorded, float)
        and isinstance(received, int | float)
        and not isinstance(received, bool)
    ):
        return math.isclose(recorded, received, rel_tol=_TOLERANCE, abs_tol=1e-12)
    return type(recorded) is type(received) and recorded == received


def unlike_ours(ours: Json, received: Json) -> list[str]:
    """In which points an answer differs from what the list of deviations says we answer."""
    found = []
    for key in ("code", "status"):
        if key in ours and ours[key] != received.get(key):
            found.append(
                f"{key} {ours[key]} listed, {received.get(key)} received: "
                f"{received.get('message', received.get('body'))}"
            )
    if ours.get("words", "") not in json.dumps(received, ensure_ascii=False):
        found.append(f"words {ours['words']!r} listed, {json.dumps(received)[:300]} received")
    if "json" in ours:
        found += list(
            _values(json.loads(ours["json"]), received.get("json", received.get("response")), "")
        )
    return found
