"""Tells a text that holds rows from one that is for people or for tools. No I/O.

A name that ends in .txt or .json may be either: an export to MariaDB's taste, or a README. Nobody is sent
anything without an address, so a text is one of rows if some of its lines have a cell that is one.
"""

import json
import re

LOOKED_AT = 64 * 1024
"""Bytes of the beginning that decide."""

_ENDINGS = (".txt", ".json")
_FOR_PEOPLE = re.compile(
    r"(?:read.?me|licen[cs]e|notice|change(?:log|s)|authors|copying)\b", re.IGNORECASE
)
_DELIMITERS = re.compile(r"[,;\t|]")
_AROUND = " \t\r\n\"'<>()[]\ufeff"
_SHARE = 3  # of so many lines one has to have an address
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def may_be_prose(path: str) -> bool:
    """Say whether only its content tells if a file with such a name holds rows."""
    return path.lower().endswith(_ENDINGS)


def holds_rows(path: str, head: bytes, is_whole: bool) -> bool:
    """Say whether a file that begins so holds rows; what cannot be told is for its reader to refuse."""
    if _FOR_PEOPLE.match(path.rpartition("/")[2]):
        return False
    text = head.decode(_MARKS.get(head[:2], "utf-8"), errors="replace").lstrip("\ufeff")
    if "\0" in text:
        return True
    if path.lower().endswith(".json"):
        return _holds_objects(text, is_whole)
    lines = [line for line in text.splitlines() if line.strip()]
    with_address = sum(any(map(_is_address, _DELIMITERS.split(line))) for line in lines)
    if with_address:
        return with_address * _SHARE >= len(lines) - 1
    return len(lines) == 1 and len(_DELIMITERS.split(lines[0])) > 1  # a header, and nobody


def _holds_objects(text: str, is_whole: bool) -> bool:
    """Say whether JSON is a list, or objects of which one has an address."""
    if text.lstrip().startswith("["):
        return "{" in text
    lines = text.splitlines()
    if not is_whole and len(lines) > 1:
        lines.pop()  # the last one may be cut off
    objects = [line for line in lines if line.strip()]
    if len(objects) == 1 and not is_whole:
        return text.lstrip().startswith("{")
    return any("@" in line and _is_object(line) for line in objects)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_address(cell: str) -> bool:
    words = cell.strip(_AROUND).split()
    if not words or (len(words) > 1 and "<" not in cell):
        return False
    before, _, behind = words[-1].strip(_AROUND).partition("@")
    return bool(before) and "." in behind.strip(".")
