"""Matches path patterns of blob triggers and route templates of HTTP triggers, and reads paths."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import quote, unquote_to_bytes


@dataclass(frozen=True)
class BlobPattern:
    """A container and the names in it that a function wants."""

    container: str
    prefix: str
    names: re.Pattern[str]

    def match(self, blob: str) -> Mapping[str, str] | None:
        """Return what the braces of the pattern stand for in this blob's name, None if no match."""
        found = self.names.fullmatch(blob)
        return found.groupdict() if found else None


def blob_pattern(path: str) -> BlobPattern:
    """Read `container/name`, where `{x}` stands for any text, slashes included.

    A path that is a container alone means every blob in it; `{{` and `}}` are braces.
    Raises ValueError when the container holds a pattern or a brace is left open.
    """
    container, _, name = path.strip("/").partition("/")
    if not container or "{" in container:
        raise ValueError(f"{path!r} must start with the name of a container")
    tokens = re.split(r"(\{\{|\}\}|\{\w+\}|[{}])", name or "{name}")
    if "{" in tokens or "}" in tokens:
        raise ValueError(f"{path!r} has a brace without its pair")
    literal = takewhile(lambda token: not _parameter(token), tokens)
    return BlobPattern(
        container=container,
        prefix="".join(_unescaped(token) for token in literal),
        names=re.compile("".join(_expression(token) for token in tokens), re.DOTALL),
    )


def _parameter(token: str) -> bool:
    return token.startswith("{") and token.endswith("}")


def _unescaped(token: str) -> str:
    return token[0] if token in {"{{", "}}"} else token


def _expression(token: str) -> str:
    return f"(?P<{token[1:-1]}>.+)" if _parameter(token) else re.escape(_unescaped(token))


def route_pattern(prefix: str, route: str) -> re.Pattern[str]:
    """Read a route template under a prefix: `{x}`, `{x?}` and a last `{*rest}`, in any case.

    Raises ValueError for anything else in braces, and for routes the host keeps for itself.
    """
    path = "/".join(part for part in (prefix, route.strip("/")) if part)
    segments = path.split("/") if path else []
    if segments and segments[0].lower() in {"admin", "runtime"}:
        raise ValueError(f"the route {route!r} belongs to the host")
    return re.compile("".join(_segment(each) for each in segments) + "/?", re.IGNORECASE)


def _segment(text: str) -> str:
    parameter = re.fullmatch(r"\{(\*?)(\w+)(\??)\}", text)
    if parameter is None:
        if "{" in text:
            raise ValueError(f"{text!r}: constraints and partial segments are not supported")
        return "/" + re.escape(text)
    star, name, optional = parameter.groups()
    if star:
        return f"(?:/(?!/)(?P<{name}>.*))?"
    return f"(?:/(?P<{name}>[^/]+))?" if optional else f"/(?P<{name}>[^/]+)"


def request_path(raw: str) -> str:
    """Decode the path of a request and follow its dot segments, as ASP.NET does.

    `%2F` stays, and so does a byte that belongs to no letter in UTF-8. Raises ValueError for what
    ASP.NET refuses: a path that is none, and a zero byte.
    """
    if not raw.startswith("/") or "%00" in raw:
        raise ValueError("no path that a request may have")
    decoded = "".join(
        part if part.upper() == "%2F" else _decoded(part) for part in re.split("(%2[fF])", raw)
    )
    kept: list[str] = []
    *folders, last = decoded.split("/")[1:]
    for segment in folders:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if last == "..":
        del kept[-1:]
    return "/" + "/".join([*kept, "" if last in {".", ".."} else last])


def _decoded(text: str) -> str:
    """Decode what is UTF-8; other bytes stay encoded, in upper case."""
    data = unquote_to_bytes(text)
    found = data.decode("utf-8", "surrogateescape")
    return "".join(
        f"%{ord(letter) - 0xDC00:02X}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter
        for letter in found
    )


def encoded_path(path: str) -> str:
    """Write a decoded path into an address, as ASP.NET does: what looks encoded stays as it is."""
    return "".join(
        part if place % 2 else quote(part, safe="/:@!$&'()*+,;=")
        for place, part in enumerate(re.split("(%[0-9a-fA-F]{2})", path))
    )
