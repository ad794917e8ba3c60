"""Whatever dialect a table is written in, the same rows arrive as from a plain file."""

import csv
import io
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.reading import Dialect, Escape, Reading
from shared.segments.encodings import CODECS, encoding_name
from shared.segments.formats.csv.backslashes import Backslashed, is_written_with_backslashes
from shared.segments.formats.csv.elected import DELIMITERS, elect
from shared.segments.formats.csv.found import LOOKED_AT, FoundRows
from shared.segments.formats.rows import ReadAnew
from tests.segments.formats.test_registry import told_rows

NOTHING = Reading()

HEADER = ["Email", "First name", "Näme", "Note"]

texts = st.text(
    st.sampled_from('ab1@.,;|\t"\\ éÅ\n')
    | st.characters(codec="cp1252", exclude_characters="\0\r"),
    max_size=8,
)
tables = st.lists(
    st.tuples(st.integers(0, 99).map("u{}@x.com".format), texts, texts, texts).map(list),
    min_size=1,
    max_size=12,
)
pieces = st.sampled_from([1, 7, 4096])


def doubled(delimiter: str, line_end: str, quoting: int = csv.QUOTE_MINIMAL) -> Callable[..., str]:
    """Return what writes a table as RFC 4180 has it but for the delimiter."""

    def write(table: Sequence[Sequence[str]]) -> str:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type] # the stubs name the constants
        writer.writerows(table)
        return text.getvalue()

    return write


def backslashed(delimiter: str, line_end: str, table: Sequence[Sequence[str]]) -> str:
    """Write a table as Spark does: what needs quotes has them, with backslashes inside."""

    def cell(text: str) -> str:
        if not any(each in text for each in (delimiter, '"', "\n", "\\")):
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "".join(delimiter.join(map(cell, row)) + line_end for row in table)


async def arrived(
    data: bytes, reading: Reading = NOTHING, piece: int = 4096, path: str = "S/1.csv"
) -> list[list[str]]:
    """Return the rows of a file, with the cells of `HEADER`."""
    return await told_rows(path, data, reading, HEADER, piece)


@settings(max_examples=150, deadline=None)
@given(
    table=tables,
    delimiter=st.sampled_from(DELIMITERS),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    before=st.sampled_from(
        ["", "\ufeff", "\ufeff\ufeff", "sep=?\r\n", '\ufeff"sep=?"\n', "#TYPE A.B\n"]
    ),
    extension=st.sampled_from(["csv", "tsv", "txt"]),
    piece=pieces,
)
async def test_every_delimiter_arrives_as_the_comma(
    table: list[list[str]],
    delimiter: str,
    line_end: str,
    quoting: int,
    before: str,
    extension: str,
    piece: int,
) -> None:
    written = doubled(delimiter, line_end, quoting)([HEADER, *table])
    data = (before.replace("?", delimiter) + written).encode()
    path = f"S/1.{extension}"
    assert await arrived(data, Reading(escape=Escape.DOUBLED), piece, path) == table


@settings(max_examples=150, deadline=None)
@given(
    table=tables,
    delimiter=st.sampled_from(DELIMITERS),
    line_end=st.sampled_from(["\n", "\r\n"]),
    evidence=st.integers(0, 12),
    piece=pieces,
)
async def test_quotes_behind_a_backslash_arrive_as_doubled_ones(
    table: list[list[str]], delimiter: str, line_end: str, evidence: int, piece: int
) -> None:
    table.insert(evidence, ["u@x.com", 'Ann "Annie"', "a", "b"])
    table.append(["v@x.com", 'Bo "Bobo" B', 'say "hi" or', "b"])
    data = backslashed(delimiter, line_end, [HEADER, *table]).encode()
    assert await arrived(data, Reading(delimiter=delimiter), piece) == table


@settings(max_examples=100, deadline=None)
@given(
    table=tables,
    encoding=st.sampled_from(["utf-16", "utf-16-be-marked", "windows-1252", "latin1", "UTF-8"]),
    piece=pieces,
)
async def test_every_encoding_arrives_as_utf_8(
    table: list[list[str]], encoding: str, piece: int
) -> None:
    written = doubled(";", "\r\n")([HEADER, *table])
    told = Reading(escape=Escape.DOUBLED)
    match encoding:
        case "utf-16":
            data = written.encode("utf-16")
        case "utf-16-be-marked":
            data = b"\xfe\xff" + written.encode("utf-16-be")
        case _:
            told = told.model_copy(update={"encoding": encoding})
            data = written.encode(CODECS[encoding_name(encoding) or ""])
    assert await arrived(data, told, piece) == table


@settings(max_examples=100, deadline=None)
@given(
    table=tables,
    blank=st.sampled_from(["", ";;;", ";;;;;;;"]),
    nameless=st.booleans(),
    piece=pieces,
)
async def test_short_rows_nameless_columns_and_rows_of_nothing_lose_nobody(
    table: list[list[str]], blank: str, nameless: bool, piece: int
) -> None:
    rows: list[str] = []
    for row in table:
        while len(row) > 1 and not row[-1]:
            row = row[:-1]
        rows.append(doubled(";", "\n")([row]) + f"{blank}\n" * (len(rows) % 3))
    head = ";".join([*HEADER, *[""] * nameless])
    data = "".join([head, "\n", *rows]).encode()
    assert await arrived(data, Reading(delimiter=";", escape=Escape.DOUBLED), piece) == table


@settings(max_examples=100, deadline=None)
@given(table=tables, piece=pieces, quote=st.sampled_from(["'", r"\'"]))
async def test_letters_behind_a_backslash_arrive_as_what_they_stand_for(
    table: list[list[str]], piece: int, quote: str
) -> None:
    table.append(["v@x.com", "C:\\temp", "a\r\nb\tc", "d's"])
    escapes = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "'": quote})
    lines = ["\t".join(cell.translate(escapes) for cell in row) for row in [HEADER, *table]]
    rows = [row for row in table if not any(cell.startswith('"') for cell in row)]
    if rows == table:  # a quote at the beginning of a cell may mean something
        assert await arrived("\n".join(lines).encode(), NOTHING, piece, "S/1.tsv") == table


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"C:\temp\"new""",b,c', [r'C:\temp\"new"', "b", "c"]),  # PHP
        (r'a,"say ""hi""\",c', ["a", 'say "hi"\\', "c"]),
        (r'"a","b","say \"hi\"\"', ["a", "b", 'say "hi"\\']),  # R
        (r'"C:\","b","\"x\" y"', ["C:\\", "b", '"x" y']),
        ("a,b,c\\\nd", ["a", "b", "c\nd"]),  # Snowflake
        ("a\\\r\nb,c\\,d,e", ["a\r\nb", "c,d", "e"]),
        ('"a\\\nb","say \\"hi\\"",c', ["a\nb", 'say "hi"', "c"]),  # MariaDB
        ("a,b,C:\\dir\\", ["a", "b", "C:\\dir\\"]),
        ('"C"C",b,c', ['C"C', "b", "c"]),  # Spark
        (r"a,\N,c", ["a", r"\N", "c"]),
    ],
)
@pytest.mark.parametrize("behind", ["", "\n1,2,3", '\n"1","2","3"\n'])
def test_what_tools_write_with_backslashes_is_read(
    written: str, meant: list[str], behind: str
) -> None:
    records = list(Backslashed(",", 3).of(written + behind, is_all=True))
    assert [record.cells for record in records] == [meant, ["1", "2", "3"]][: 1 + bool(behind)]


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * 300_000,
        '"' + '"a' * 200_000,
        "\\," * 100_000,
        'a,"b\\",c\n' * 40_000,
        'a,"b\\",c\n' * 40_000 + '"',
        "a\\\n" * 100_000,
    ],
)
def test_no_text_takes_more_than_its_length_deserves(text: str) -> None:
    taken = []
    for each in (text[: len(text) // 4], text):
        begun = time.process_time()
        list(Backslashed(",", 3).of(each, is_all=True))
        is_written_with_backslashes(each, ",", 3)
        taken.append(time.process_time() - begun)
    assert taken[1] < 0.05 + 12 * taken[0]  # four times, were it exact; sixteen, were it worse


def found(data: bytes, reading: Reading = NOTHING, is_tabbed: bool = False) -> Dialect:
    return elect(data, True, reading, is_tabbed, "utf-8").dialect


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("Email;Name\na@x.com;Lee, Ann\n", ";"),
        ("Email;Name", ";"),
        ("Email,Name;Title\na@x.com,Ann;Dr\n", ","),
        ("Email,A;B;C\n" + "a@x.com,b\n" * 9, ","),
        ("Email;A;B\n" + "a@x.com;b;c;d;e\n" * 2 + "a@x.com;b\n" * 8, ","),
        ("Email;A;B\n" + "a@x.com;b;c;d;e\n" + "a@x.com;b\n" * 9, ";"),
        ("Email\tA|B|C\na@x.com\tb\n", "\t"),
        ("Email|A\na@x.com|b\n", "|"),
        ("Email\na@x.com\n", ","),
        ('Email;Note\na@x.com;"b;c\nd;e;f"\n', ";"),
        ('Email;Note\na@x.com;"b \\"x; y\\" c"\n', ";"),
        ("sep=|\nEmail;A|B\n", "|"),
        ("", ","),
    ],
)
def test_the_delimiter_is_the_one_with_most_columns_that_the_rows_fit(
    data: str, delimiter: str
) -> None:
    assert found(data.encode()).delimiter == delimiter


def test_tabs_come_first_in_files_that_are_named_after_them() -> None:
    data = b"Email\tA,B,C\na@x.com\tb,c,d\n"
    assert found(data).delimiter == ","
    assert found(data, is_tabbed=True).delimiter == "\t"
    assert found(data, Reading(delimiter="|"), is_tabbed=True).delimiter == "|"


async def test_an_escape_that_comes_after_all_that_was_looked_at_is_seen() -> None:
    plain = 'a@x.com,"A ""x"" b",C,D\n' * (LOOKED_AT // 10)
    head = ",".join(HEADER) + "\n"
    late = 'z@x.com,"Ann \\"Annie\\"",L,\n'
    rows = await arrived((head + plain + late).encode(), piece=1 << 20)
    assert rows[0] == ["a@x.com", 'A "x" b', "C", "D"]
    assert rows[-1] == ["z@x.com", 'Ann "Annie"', "L", ""]


def test_an_escape_that_people_have_ruled_out_is_none() -> None:
    data = b'Email,Name\na@x.com,"C:\\" x"\nb@x.com,"C:\\" y"\n'
    rows = FoundRows("S/1.csv", Reading(escape=Escape.DOUBLED))
    rows.feed(data)
    assert [cells for _, cells in rows.close()] == [
        ["a@x.com", 'C:\\ x"'],
        ["b@x.com", 'C:\\ y"'],
    ]
    rows = FoundRows("S/1.csv", Reading())
    rows.feed(data)
    with pytest.raises(ReadAnew):
        list(rows.close())


@settings(max_examples=100, deadline=None)
@given(
    table=tables,
    delimiter=st.sampled_from(DELIMITERS),
    escape=st.sampled_from(Escape),
    piece=pieces,
)
async def test_the_numbers_that_r_writes_before_its_rows_shift_no_cell(
    table: list[list[str]], delimiter: str, escape: Escape, piece: int
) -> None:
    rows = [HEADER, *([str(number), *row] for number, row in enumerate(table, start=1))]
    if escape is Escape.DOUBLED:
        written = doubled(delimiter, "\n", csv.QUOTE_ALL)(rows)
    else:
        written = backslashed(delimiter, "\n", rows)
    told = Reading(delimiter=delimiter, escape=escape)
    assert await arrived(written.encode(), told, piece) == table


@pytest.mark.parametrize("delimiter", DELIMITERS)
async def test_what_r_writes_unless_it_is_told_otherwise_is_read(delimiter: str) -> None:
    lines = [
        '"Email","First name","Näme","Note"',
        r'"1","a@x.com","Ann","C:\temp","say \"hi\"\"',
        '"2","b@x.com",NA,"12","Line one\nLine two"',
    ]
    data = "\n".join(lines).replace(",", delimiter).encode()
    assert await arrived(data) == [
        ["a@x.com", "Ann", "C:\\temp", 'say "hi"\\'],
        ["b@x.com", "NA", "12", "Line one\nLine two"],
    ]


async def test_a_mark_counts_before_what_people_say() -> None:
    data = "\ufeffEMail;Name\na@x.com;Åsa\n".encode()
    told = Reading(encoding="windows-1252")
    read = await told_rows("S/1.csv", data, told, ["EMail", "Name"])
    assert read == [["a@x.com", "Åsa"]]
