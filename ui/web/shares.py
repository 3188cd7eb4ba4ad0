"""What strangers hold of something bounded, divided among their addresses: nobody can take all of
it while somebody else needs a part."""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import HTTPConnection

_NETWORK: Final = 64
"""Bits of an IPv6 address that one site has of its own. Source: RFC 6177."""


def sender(request: HTTPConnection) -> str:
    """Who sent a request; see `site`."""
    return site(request.client.host if request.client else "")


def site(host: str) -> str:
    """The part of an address that its owner cannot choose: all of an IPv4 address, the network of
    an IPv6 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK), strict=False))


@dataclass(frozen=True, eq=False)
class Held:
    """One of the things that are held."""

    address: str
    displace: Callable[[], None]


@dataclass
class Shares:
    """Counts what each address holds.

    Once everything is held, one more displaces one of the address that holds most: its newest, or
    its oldest, as `displaces` says. Newest ones make no room where the address would then be the
    one that holds most.
    """

    most: int
    """Things held at the same time, all addresses together."""
    displaces: Literal["newest", "oldest"] = "newest"
    _held: dict[str, list[Held]] = field(default_factory=dict)
    _count: int = 0

    def take(self, address: str, displace: Callable[[], None]) -> Held | None:
        """Hold one more.

        Args:
            address: whose it is.
            displace: called when it is taken away.

        Returns:
            What `give_back` takes; None if there is no room for this address.
        """
        if self._count >= self.most and not self._make_room(address):
            return None
        held = Held(address, displace)
        self._held.setdefault(address, []).append(held)
        self._count += 1
        return held

    def holds(self, held: Held) -> bool:
        """Whether it was neither given back nor displaced."""
        return held in self._held.get(held.address, ())

    def give_back(self, held: Held) -> None:
        """Hold one less, unless it was displaced."""
        if not self.holds(held):
            return
        mine = self._held[held.address]
        mine.remove(held)
        self._count -= 1
        if not mine:
            del self._held[held.address]

    def _make_room(self, address: str) -> bool:
        theirs = max(self._held.values(), key=len)
        is_newest = self.displaces == "newest"
        if is_newest and len(self._held.get(address, ())) + 1 >= len(theirs):
            return False
        displaced = theirs[-1 if is_newest else 0]
        self.give_back(displaced)
        displaced.displace()
        return True


def ending(limit: asyncio.Timeout) -> Callable[[], None]:
    """What displaces work that runs under a time limit: the time is up now."""

    def end() -> None:
        if not limit.expired():
            limit.reschedule(0)

    return end
