"""Defines rows, whatever the format, and what all formats refuse. No I/O: bytes go in, rows come out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.reading import Dialect, Reading

MAX_FIELD = 131_072
"""Characters that one cell may have, which is also the default of Python's `csv`."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes that one line may have; what is longer has no line ends that we know."""

type Row = tuple[int, Sequence[str]]
"""A row's number and its cells, in the order of the reader's header."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows that all have the cells of the header, and those of their cells that are wanted.

    `texts` has, by place in the header, the cells there: a text array of pyarrow without a null.
    `typed` are the places where the file has numbers as such, whose texts are our own spelling of them.
    """

    numbers: Sequence[int]
    texts: Mapping[int, Any]
    typed: Collection[int] = ()

    @classmethod
    def of(
        cls,
        numbers: Sequence[int],
        cells: Mapping[int, Sequence[str]],
        typed: Collection[int] = (),
    ) -> "Columns":
        """Return columns of these cells, by place."""
        from shared.arrow import TEXT, pa

        return cls(numbers, {place: pa.array(each, TEXT) for place, each in cells.items()}, typed)

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Row]:
        columns = [self.texts[place].to_pylist() for place in sorted(self.texts)]
        cells = zip(*columns, strict=True) if columns else [()] * len(self)
        return zip(self.numbers, cells, strict=True)


type Block = Iterator[Row] | Columns
"""What a reader yields: rows where it has to look at each of them, else columns."""


class Rows(Protocol):
    """What is known of the rows of a file while its bytes come in.

    `header` names the cells of a row, and is None until the first row has come in. `columns` are all
    that the file has, as far as they are known. `unseen` are wanted columns that no row had yet. Every
    error is a BadSegment that says where in which file.
    """

    @property
    def header(self) -> list[str] | None:
        """What the cells of a row are."""

    @property
    def unseen(self) -> frozenset[str]:
        """Wanted columns that no row had yet, where the header does not tell."""

    @property
    def faults(self) -> Mapping[str, Message]:
        """Why some columns that are not wanted cannot be read, by their names."""

    @property
    def dialect(self) -> Dialect | None:
        """How the text of the file is written, where that had to be found out."""

    @property
    def columns(self) -> Sequence[str]:
        """All columns that the file has."""


class StreamRows(Rows, Protocol):
    """The rows of a file that is read from front to back, to be taken before more is fed.

    `encoding` is that of the file, whose bytes come in UTF-8.
    """

    encoding: str

    def feed(self, data: bytes) -> Block:
        """Take the next bytes of the file, and return the rows that they complete."""

    def close(self) -> Block:
        """Say that the file has ended, and return what is left of it."""


class ReadAnew(Exception):
    """What the beginning of a version showed does not hold: all of it is to be read again, by `reading`.

    `reading` is what was known before with what is known now, and never less: so a version is read anew
    only a few times.
    """

    def __init__(self, reading: Reading) -> None:
        super().__init__(f"to be read by {reading!r}")
        self.reading = reading


class Empty(BadSegment):
    """A file holds nothing at all, which a file among several may."""


def empty(path: str) -> Empty:
    """Return what to say of a file that holds nothing."""
    return Empty(say("{path} is empty. It needs a header and at least one profile.", path=path))


def bad_line(path: str, line: int, what: Message) -> BadSegment:
    """Return what to say of a line."""
    return BadSegment(
        say("{path}, line {line}: {what}. Nothing was sent.", path=path, line=line, what=what)
    )


def too_long() -> Message:
    """Return what to say of a cell that is too long."""
    return say("a field is longer than {most} characters", most=MAX_FIELD)


def has_nul() -> Message:
    """Return what to say of a NUL."""
    return say("there is a NUL character")
