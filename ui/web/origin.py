"""Which Host and Origin the page answers to, so that no other web page can use it.

A stranger's web page reaches this one in two ways: it sends requests to it (Origin is foreign), or
it lets its own name point to this machine (DNS rebinding: Host is foreign). An address in digits
cannot be rebound, so every such Host is allowed; names are those of this machine and of the
settings.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_AUTHORITY: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


class Origins:
    """The names the page is reached under."""

    def __init__(self, names: Collection[str]) -> None:
        """Allow `names` besides localhost and addresses; empty ones are nobody's."""
        self._names = {name.lower().rstrip(".") for name in names} - {""} | {"localhost"}

    def refuse(self, headers: Headers) -> tuple[int, str] | None:
        """Status and sentence for a request that is not from this page; None for one that is."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, "This page does not answer to that name; see --hosts of python -m ui."
        origin = headers.get("origin")
        if origin is None:
            return None
        asker = _authority(origin)
        if asker == host.lower() or _name(asker) in self._names - {"localhost"}:
            return None
        return 403, "Only the page itself may ask here."

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _name(authority: str) -> str:
    """The host in `host:port`, or nothing where that is none."""
    found = _AUTHORITY.fullmatch(authority)
    return found["name"].lower().rstrip(".") if found else ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
