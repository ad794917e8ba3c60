"""Reading CSV as it streams in: what was written comes back, wherever the bytes are cut."""

import csv
import io
from collections.abc import Iterable
from itertools import chain, cycle, islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import BadSegment
from shared.domain.reading import Dialect
from shared.segments.formats.csv.rows import CsvRows
from shared.segments.formats.rows import MAX_FIELD, Columns

type Rows = list[tuple[int, list[str]]]


def read(pieces: Iterable[bytes]) -> tuple[list[str], Rows]:
    """Return the header and the numbered rows of a file that comes in these pieces."""
    rows = CsvRows("S/1.csv")
    blocks = [list(rows.feed(piece)) for piece in pieces]
    found = chain(*blocks, rows.close())
    return rows.header or [], [(number, list(cells)) for number, cells in found]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut data at places, which count from its beginning or, if negative, from its end."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


def problem(data: bytes, places: Iterable[int] = ()) -> str:
    with pytest.raises(BadSegment) as refused:
        read(cut(data, places))
    return str(refused.value)


cells = st.text(
    st.sampled_from('ab",\r\n é李🙂')
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=8,
)
places = st.lists(st.integers(0, 2000), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    table=st.lists(st.lists(cells, min_size=1, max_size=4), max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    places=places,
)
def test_what_pythons_csv_wrote_reads_back_wherever_it_is_cut(
    table: list[list[str]], quoting: int, line_end: str, bom: bool, places: list[int]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type] # the stubs name the constants
    writer.writerows([["Email", "Name"], *table])
    data = text.getvalue().encode("utf-8-sig" if bom else "utf-8")

    header, rows = read(cut(data, places))

    assert header == ["Email", "Name"]
    assert rows == [(number, row) for number, row in enumerate(table, start=2) if any(row)]


@settings(max_examples=400, deadline=None)
@given(
    lines=st.lists(
        st.lists(
            st.text(st.sampled_from('ab"\r\\ \x1c\u2028é李\ufeff'), max_size=4), max_size=4
        ).map(";".join)
        | st.sampled_from(["a;b", "c;", ";", "é;a\ufeff"]),
        max_size=12,
    ),
    line_ends=st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\n", "\n\n"]]),
    ended=st.booleans(),
    quoted=st.booleans(),
    places=places,
)
def test_whatever_parses_a_block_the_rows_are_those_of_pythons_csv(
    lines: list[str], line_ends: list[str], ended: bool, quoted: bool, places: list[int]
) -> None:
    ends = islice(cycle(line_ends), len(lines))
    data = "".join(line + end for line, end in zip(lines, ends, strict=True))
    data = data if ended else data.rstrip("\r\n")
    dialect = Dialect(delimiter=";", quoted=quoted)
    text = io.StringIO(data.lstrip("\ufeff"), newline="")
    try:
        wanted = list(
            csv.reader(text, delimiter=";", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        )
    except csv.Error:
        wanted = None

    if wanted is None or (quoted and _ends_in_a_quote(data.lstrip("\ufeff"))):
        return  # what is said then is tested below
    rows = CsvRows("S/1.csv", dialect, columns=["E", "N"])
    blocks = [list(rows.feed(piece)) for piece in cut(data.encode(), places)]
    found = [(number, list(cells)) for number, cells in chain(*blocks, rows.close())]
    assert found == [(number, cells) for number, cells in enumerate(wanted, start=1) if any(cells)]


def _ends_in_a_quote(data: str) -> bool:
    """Say whether a quote is open at the end: one more line is then a part of the last cell."""
    read = list(csv.reader(io.StringIO(f"{data}\nmore", newline=""), delimiter=";"))
    return not read or read[-1] != ["more"]


def test_plain_blocks_come_as_columns_of_what_is_wanted() -> None:
    rows = CsvRows("S/1.csv", wanted=["N", "E"])
    assert isinstance(rows.feed(b"N,X,E\na,b,c\n"), Columns)
    block = rows.feed(b'"d,""",e,f\r\n"",x,\r\n')
    assert isinstance(block, Columns)
    assert {place: texts.to_pylist() for place, texts in block.texts.items()} == {
        0: ['d,"', ""],
        2: ["f", ""],
    }
    assert list(block.numbers) == [3, 4]


@pytest.mark.parametrize(
    "block",
    [
        b'"a"x,b,c\n',
        b'a"x,b,c\n',
        b'"a\n",b,c\n',
        b"a,b\n",
        b"a,b,c\n\n",
        b"\r\na,b,c\n",
        b",,\r\na,b,c\n",
        b'a,b,c\n"","",""\n',
        b"\xef\xbb\xbfa,b,c\n",
    ],
)
def test_other_blocks_come_as_rows(block: bytes) -> None:
    rows = CsvRows("S/1.csv", columns=["N", "X", "E"])
    list(rows.feed(b"a,b,c\n"))
    assert not isinstance(rows.feed(block), Columns)
    assert isinstance(rows.feed(b"a,b,c\n"), Columns)


def test_a_record_that_a_block_ends_in_the_middle_of_is_finished_as_rows() -> None:
    rows = CsvRows("S/1.csv", columns=["N", "X"])
    assert list(rows.feed(b'a,b\n"c\n')) == [(1, ["a", "b"])]
    assert list(rows.feed(b'd",e\n')) == [(2, ["c\nd", "e"])]
    block = rows.feed(b"f,g\n")
    assert isinstance(block, Columns)
    assert list(block) == [(3, ("f", "g"))]


@pytest.mark.parametrize(
    "cell", [b"x" * (MAX_FIELD + 1), b"\0", b"\xff"], ids=["too long", "a NUL", "no text"]
)
def test_a_cell_in_a_column_that_nobody_wants_spoils_nothing(cell: bytes) -> None:
    rows = CsvRows("S/1.csv", columns=["N", "X"], wanted=["N"])
    assert [(number, cells[0]) for number, cells in rows.feed(b"a," + cell + b"\nb,c\n")] == [
        (1, "a"),
        (2, "b"),
    ]
    rows = CsvRows("S/1.csv", columns=["N", "X"], wanted=["X"])
    with pytest.raises(BadSegment, match="line 1: "):
        list(rows.feed(b"a," + cell + b"\n"))


def test_a_last_line_without_an_end_is_a_row() -> None:
    assert read([b"E\na\nb"]) == (["E"], [(2, ["a"]), (3, ["b"])])


def test_blank_lines_count_but_are_no_rows() -> None:
    assert read([b"\nE\n\na\r\n\r\n\nb\n"]) == (["E"], [(4, ["a"]), (7, ["b"])])


def test_a_quoted_line_end_makes_no_row_of_its_own() -> None:
    assert read([b'E,N\n"a","x\ny\r\nz"\nb,c\n'])[1] == [(2, ["a", "x\ny\r\nz"]), (3, ["b", "c"])]


def test_names_of_columns_are_trimmed_and_cells_are_not() -> None:
    assert read([b" Email , Name\n a , b \n"]) == (["Email", "Name"], [(2, [" a ", " b "])])


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read([b"\xef", b"\xbb", b"\xbfEmail\n"])[0] == ["Email"]


def test_a_byte_order_mark_before_a_quote_is_none_of_its_cell() -> None:
    assert read([b'\xef\xbb\xbf"Em,ail"\n'])[0] == ["Em,ail"]


def test_rows_come_as_soon_as_their_line_has_ended() -> None:
    rows = CsvRows("S/1.csv")
    assert list(rows.feed(b"E\na\nb")) == [(2, ["a"])]
    assert list(rows.feed(b"c\n")) == [(3, ["bc"])]


def test_a_field_of_the_longest_length_is_read() -> None:
    assert read([b"E\n" + b"x" * MAX_FIELD + b"\n"])[1] == [(2, ["x" * MAX_FIELD])]


BEFORE = 'E,N\r\n"a\nb",é\n'.encode()  # the third line ends, the second row ends


@settings(deadline=None)
@given(good=st.integers(0, 5), bom=st.booleans(), places=places)
def test_bytes_that_are_not_utf_8_are_named_by_line_and_column_wherever_the_cut_is(
    good: int, bom: bool, places: list[int]
) -> None:
    start = b"\xef\xbb\xbf" * bom + BEFORE + b"c,d\n" * good
    said = problem(start + b"e,Jos\xe9\nf,g\n", places)
    assert said == (
        f"S/1.csv, line {4 + good}: in the column 'N' is a character that is not UTF-8. Save it as CSV "
        "UTF-8 and add it again, or say in the segment's reading how it is encoded. Nothing was sent."
    )


@settings(deadline=None)
@given(good=st.integers(0, 5), places=places)
def test_a_nul_is_named_by_its_line_wherever_the_cut_is(good: int, places: list[int]) -> None:
    said = problem(BEFORE + b"c,d\n" * good + b"e,\0\nf,g\n", places)
    assert said == f"S/1.csv, line {4 + good}: there is a NUL character. Nothing was sent."


@settings(deadline=None)
@given(good=st.integers(0, 5), places=places)
def test_a_quote_that_never_closes_is_named_by_the_line_of_its_row_wherever_the_cut_is(
    good: int, places: list[int]
) -> None:
    said = problem(BEFORE + b"c,d\n" * good + b'e,"f\ng,h\ni,j\n', places)
    opened = f"S/1.csv, line {4 + good}: a quote is opened here and never closed."
    assert said == f"{opened} Nothing was sent."


@settings(max_examples=20, deadline=None)
@given(good=st.integers(0, 5), places=st.lists(st.integers(0, MAX_FIELD), max_size=4))
def test_a_field_that_is_too_long_is_named_by_the_line_of_its_row_wherever_the_cut_is(
    good: int, places: list[int]
) -> None:
    said = problem(BEFORE + b"c,d\n" * good + b"e," + b"x" * (MAX_FIELD + 1) + b"\n", places)
    assert said.startswith(f"S/1.csv, line {4 + good}: a field is longer than 131,072 characters.")


def test_a_file_cut_inside_its_last_character_is_not_utf_8() -> None:
    assert "line 2: in the column 'E' is a character that is not UTF-8" in problem(b"E\n\xc3")


@pytest.mark.parametrize("data", [b"", b"\n\r\n", b"\xef\xbb\xbf"], ids=["nothing", "blank", "BOM"])
def test_a_file_without_a_header_is_empty(data: bytes) -> None:
    assert problem(data) == "S/1.csv is empty. It needs a header and at least one profile."
