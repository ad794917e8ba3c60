"""How many requests within a minute somebody may send: a caller, or an address for what is anonymous.

Each process counts for itself, in memory, and forgets within a minute. So many are told apart and no
more: of those that were not heard of for longest the count begins anew.
"""

import ipaddress
from dataclasses import dataclass

from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.types import Scope

from shared.domain.clock import Clock
from shared.domain.message import Message, say

_MINUTE = 60.0  # seconds
_NETWORK = 64  # bits of an IPv6 address
_MOST_KNOWN = 10_000  # callers, or addresses; some 4 MB


class TooMany(Exception):
    """Somebody has used up what they may send; in `after` seconds they may again."""

    def __init__(self, reason: Message, after: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.after = after


@dataclass(slots=True)
class _Minute:
    """What one of them has sent since the first request, and when that is forgotten."""

    ends: float
    requests: int = 0


class Allowance:
    """As many requests for each of whoever is told apart; `refusal` is what the others are told."""

    def __init__(self, most: int, refusal: Message, clock: Clock) -> None:
        self._most = most
        self._refusal = refusal
        self._clock = clock
        self._minutes: TTLCache[str, _Minute, float] = TTLCache(
            _MOST_KNOWN, _MINUTE, timer=clock.monotonic
        )

    def use(self, who: str) -> None:
        """Count a request; raise TooMany if it is one more than is allowed."""
        now = self._clock.monotonic()
        minute = self._minutes.get(who)
        if minute is None:
            self._minutes[who] = minute = _Minute(now + _MINUTE)
        minute.requests += 1
        if minute.requests > self._most:
            raise TooMany(self._refusal, minute.ends - now)


class Allowances:
    """What callers may send, by the ids of people, and what anybody may without a token, by addresses."""

    def __init__(self, callers: int, addresses: int, clock: Clock) -> None:
        self.callers = Allowance(
            callers,
            say("You may send {most} requests a minute. Wait a minute.", most=callers),
            clock,
        )
        self.addresses = Allowance(
            addresses,
            say(
                "More than {most} requests that nobody is signed in for came from your network within a "
                "minute. Wait a minute.",
                most=addresses,
            ),
            clock,
        )


def address_of(scope: Scope) -> str:
    """Return from where a request came; empty if that cannot be told.

    That is what the platform's front end has appended to X-Forwarded-For: what stands before it is the
    caller's own claim. Of IPv6 it is the network, of which a caller has all addresses.
    """
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    appended = forwarded.rpartition(",")[2].strip()
    host = _host(appended) if appended else (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), _NETWORK), strict=False))


def _host(address: str) -> str:
    """Return an address without the port that may stand behind it."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
