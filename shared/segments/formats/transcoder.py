"""Makes UTF-8 of a stream in another encoding, piece by piece. No I/O here."""

import codecs

from shared.segments.encodings import CODECS, UTF_8, encoding_name

_MARKS = {b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be", b"\xef\xbb\xbf": UTF_8}
_NO_TEXT = "\udcff"  # which is not UTF-8 either: whoever reads the cell says where it stands
_ERRORS = "segment-no-text"


class Transcoder:
    """Bytes go in, and UTF-8 comes out, with a byte of 255 in the place of what is no text."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(CODECS[encoding])(_ERRORS)

    def utf_8(self, data: bytes, is_all: bool = False) -> bytes:
        """Take the next bytes, of which `is_all` says that they are the last."""
        return self._decoder.decode(data, is_all).encode(errors="surrogateescape")


def transcoder_of(head: bytes, told: str | None) -> Transcoder | None:
    """Return what makes UTF-8 of a file that begins with `head`, or None where it is UTF-8.

    A mark counts before `told`, what people say of the encoding.
    """
    marked = next((each for mark, each in _MARKS.items() if head.startswith(mark)), None)
    encoding = marked or encoding_name(told or UTF_8) or UTF_8
    return None if encoding == UTF_8 else Transcoder(encoding)


def _marked(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return _NO_TEXT, error.end
    raise error


codecs.register_error(_ERRORS, _marked)
