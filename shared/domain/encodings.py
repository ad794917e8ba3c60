"""Which encodings a text file may be in: the names of the WHATWG's list (encoding.spec.whatwg.org)."""

from collections.abc import Mapping

UTF_8 = "utf-8"

CODECS: Mapping[str, str] = {
    UTF_8: "utf-8",
    "ibm866": "cp866",
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "iso-8859-8-i": "iso8859-8",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
    "x-mac-cyrillic": "mac-cyrillic",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "euc-jp": "euc-jp",
    "iso-2022-jp": "iso2022-jp",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
}
"""Python's codec by the name, in lower case. Of the list, "replacement" and "x-user-defined" are no text."""

_LABELS: Mapping[str, str] = {
    "utf8": UTF_8,
    "unicode-1-1-utf-8": UTF_8,
    "us-ascii": "windows-1252",
    "ascii": "windows-1252",
    "iso-8859-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso_8859-1": "windows-1252",
    "latin1": "windows-1252",
    "l1": "windows-1252",
    "latin2": "iso-8859-2",
    "iso-8859-9": "windows-1254",
    "latin5": "windows-1254",
    "iso-8859-11": "windows-874",
    "tis-620": "windows-874",
    "latin9": "iso-8859-15",
    "l9": "iso-8859-15",
    "cp866": "ibm866",
    "mac": "macintosh",
    "x-mac-roman": "macintosh",
    "gb2312": "gbk",
    "chinese": "gbk",
    "x-gbk": "gbk",
    "big5-hkscs": "big5",
    "sjis": "shift_jis",
    "shift-jis": "shift_jis",
    "ms_kanji": "shift_jis",
    "windows-31j": "shift_jis",
    "x-sjis": "shift_jis",
    "ks_c_5601-1987": "euc-kr",
    "korean": "euc-kr",
    "windows-949": "euc-kr",
    "utf-16": "utf-16le",
    "unicode": "utf-16le",
    **{f"cp{page}": f"windows-{page}" for page in range(1250, 1259)},
    **{f"x-cp{page}": f"windows-{page}" for page in range(1250, 1259)},
}
"""The labels beside the names that people know."""


def encoding_name(label: str) -> str | None:
    """Return the name of the encoding that a label means, in lower case, or None if none is known by it."""
    lower = label.strip().lower()
    name = _LABELS.get(lower, lower)
    return name if name in CODECS else None
