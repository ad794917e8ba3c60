"""Nasty files, and what becomes of each: what is sent and rejected, or what is said and nothing sent.

The export maps `Email`, `First` and `Last`. Every file is the segment Customers unless its path says
otherwise. `tests/runs/test_corpus.py` runs each of them through the whole engine.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from urllib.parse import quote

import pyarrow as pa

from tests.segments.parquet import (
    absurd_rows,
    bomb,
    dictionary_bomb,
    encrypted_footer,
    parquet,
    twice_named,
    with_footer_length,
)

EXPORT = "CustomerInsights_1/Blob/"
MODEL = f"{EXPORT}model.json"
EXPORTED = "CustomerInsights_1.Blob.High"

Name = tuple[str, str]


@dataclass(frozen=True)
class Sent:
    """The run is successful: these names arrive by address, and these rows are rejects."""

    members: Mapping[str, Name]
    rejects: Sequence[tuple[int, str]] = ()  # row and code


@dataclass(frozen=True)
class Refused:
    """The run fails for good, says this, and nothing leaves."""

    said: str


@dataclass(frozen=True)
class Case:
    """Files in the order in which they land, and their outcome."""

    files: Mapping[str, bytes]
    outcome: Sent | Refused
    segment: str = "Customers"
    minutes: int = 0  # until somebody looks


HEAD = b"Email,First,Last\n"
GOOD = HEAD + b"a@x.com,A,B\n"
A = {"a@x.com": ("A", "B")}
AB = A | {"b@x.com": ("C", "D")}
OBJECT = b'{"Email": "a@x.com", "First": "A", "Last": "B"}\n'
OTHER = b'{"Email": "b@x.com", "First": "C", "Last": "D"}\n'
TABLE = {"Email": ["a@x.com"], "First": ["A"], "Last": ["B"]}
OTHERS = {"Email": ["b@x.com"], "First": ["C"], "Last": ["D"]}
LONG = b"x" * 131_073
_WIDE = b"a@x.com," + b"A" * 5_000 + b",B\n"


def _csv(data: bytes, outcome: Sent | Refused) -> Case:
    return Case({"Customers/1.csv": data}, outcome)


def _empty(path: str) -> Mapping[str, Case]:
    """A file of nothing, at first and when nobody waits for more any more."""
    form = path.partition(".")[2]
    return {
        f"{form}: nothing yet": Case({path: b""}, Refused("is still being written")),
        f"{form}: empty": Case({path: b""}, Refused("is empty"), minutes=10),
    }


def _gz(data: bytes, outcome: Sent | Refused, path: str = "Customers/1.csv.gz") -> Case:
    return Case({path: data}, outcome)


def _nd(data: bytes, outcome: Sent | Refused) -> Case:
    return Case({"Customers/1.ndjson": data}, outcome)


def _pq(data: bytes, outcome: Sent | Refused) -> Case:
    return Case({"Customers/1.parquet": data}, outcome)


def _folder(outcome: Sent | Refused, done: bool = True, **files: bytes) -> Case:
    """Part files by the end of their names, with dots for underscores, and `_SUCCESS` at last."""
    parts = {
        f"Customers/run/part-{at:05}-c000.{name.replace('_', '.')}": data
        for at, (name, data) in enumerate(files.items())
    }
    return Case(parts | ({"Customers/run/_SUCCESS": b""} if done else {}), outcome)


def _parts(outcome: Sent | Refused, *files: bytes, end: str = "csv") -> Case:
    parts = {f"Customers/run/part-{at:05}.{end}": data for at, data in enumerate(files)}
    return Case(parts | {"Customers/run/_SUCCESS": b""}, outcome)


def model(
    *locations: str,
    name: str = "High",
    columns: Sequence[str] = ("Email", "First", "Last"),
    **format_: object,
) -> bytes:
    """Return a model.json that tells of one entity."""
    settings = {"$type": "CsvFormatSettings", **format_}
    return json.dumps(
        {
            "name": "CustomerInsights",
            "version": "1.0",
            "entities": [
                {
                    "$type": "LocalEntity",
                    "name": name,
                    "attributes": [{"name": each, "dataType": "string"} for each in columns],
                    "partitions": [
                        {"name": f"p{at}", "location": location, "fileFormatSettings": settings}
                        for at, location in enumerate(locations)
                    ],
                }
            ],
        }
    ).encode()


def at(path: str) -> str:
    """Return the address of a file as Customer Insights writes it."""
    return f"https://acme.blob.core.windows.net:443/segments/{path.replace(' ', '%20')}"


ODD = f"{EXPORT}High/100% #1 %41?/High_1.csv"
ONE, TWO = (f"{EXPORT}High/2026/11/21/0900/High_{n}.csv" for n in (1, 2))


def _exported(outcome: Sent | Refused, told: bytes, files: Mapping[str, bytes]) -> Case:
    return Case({**files, MODEL: told}, outcome, EXPORTED)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("1.csv", GOOD)
    return buffer.getvalue()


@cache
def cases() -> Mapping[str, Case]:
    """Return every case by its name."""
    return _texts() | _archives() | _objects() | _parquets() | _folders() | _exports()


def _texts() -> dict[str, Case]:
    latin, broken = "José".encode("latin-1"), b"a@x.com,\xf0\x9f\x99,B\n"
    return {
        "csv: good": _csv(GOOD, Sent(A)),
        "csv: a byte order mark": _csv(b"\xef\xbb\xbf" + GOOD, Sent(A)),
        "csv: line ends of Windows": _csv(GOOD.replace(b"\n", b"\r\n"), Sent(A)),
        "csv: line ends of old Macs": _csv(GOOD.replace(b"\n", b"\r"), Sent(A)),
        "csv: mixed line ends": _csv(b"Email,First,Last\r\na@x.com,A,B\n\r\n", Sent(A)),
        "csv: no line end at the end": _csv(GOOD.rstrip(), Sent(A)),
        "csv: blank lines": _csv(b"\n\n" + GOOD + b"\n\n", Sent(A)),
        "csv: quoted line ends and quotes": _csv(
            HEAD + b'a@x.com,"A\n""Z""","B\r\n"\n', Sent({"a@x.com": ('A\n"Z"', "B")})
        ),
        "csv: other columns in another order": _csv(
            b"Last,Id,Email,First\nB,1,a@x.com,A\n", Sent(A)
        ),
        "csv: names of columns with blanks around": _csv(
            b" Email , First, Last \na@x.com,A,B\n", Sent(A)
        ),
        **_empty("Customers/1.csv"),
        "csv: only blank lines": _csv(b"\n\r\n\n", Refused("is empty")),
        "csv: only a byte order mark": _csv(b"\xef\xbb\xbf", Refused("is empty")),
        "csv: only a header": _csv(HEAD, Refused("There is a header but no profile in")),
        "csv: no header": _csv(b"a@x.com,A,B\n", Refused("The first line is not a header.")),
        "csv: columns in another case": _csv(
            b"EMAIL,first,Last\na@x.com,A,B\n", Refused("has no column 'Email'")
        ),
        "csv: a column twice": _csv(
            b"Email,First,Last,Email\na@x.com,A,B,b@x.com\n",
            Refused("more than one column 'Email'"),
        ),
        "csv: Latin-1": _csv(
            HEAD + b"a@x.com," + latin + b",B\n",
            Refused("line 2: in the column 'First' is a character that is not UTF-8"),
        ),
        "csv: half a character": _csv(
            HEAD + broken, Refused("line 2: in the column 'First' is a character that is not UTF-8")
        ),
        "csv: UTF-16 without a mark": _csv(
            GOOD.decode().encode("utf-16-le"), Refused("line 1: there is a NUL character")
        ),
        "csv: a NUL": _csv(GOOD + b"b@x.com,\0,D\n", Refused("line 3: there is a NUL character")),
        "csv: a quote that never closes": _csv(
            GOOD + b'b@x.com,"C,D\n' + b"c@x.com,E,F\n" * 99, Refused("line 3: a quote is opened")
        ),
        "csv: a field that is too long": _csv(
            GOOD + b"b@x.com," + LONG + b",D\n", Refused("line 3: a field is longer than 131,072")
        ),
        "csv: a line that never ends": _csv(
            GOOD + b"x" * 5_000_000, Refused("line 3: the line is longer than 4,194,304 bytes")
        ),
        "csv: rows of other lengths": _csv(
            GOOD + b"b@x.com,C\nc@x.com,E,F,G\n",
            Sent(A | {"b@x.com": ("C", "")}, [(4, "wrong_field_count")]),
        ),
        "csv: bad addresses and none": _csv(
            GOOD + b"nobody,C,D\n,E,F\n", Sent(A, [(3, "no_at"), (4, "no_address")])
        ),
        "csv: one address in two cases": _csv(GOOD + b"A@X.COM,C,D\n", Sent(A, [(3, "duplicate")])),
        "csv: really gzip": _csv(gzip.compress(GOOD), Sent(A)),
        "csv: really gzip of gzip": _csv(
            gzip.compress(gzip.compress(GOOD)), Refused("is gzip, which is not what its name")
        ),
        "csv: really gzip that is cut off": _csv(
            gzip.compress(GOOD)[:-9], Refused("the archive is cut off")
        ),
        "csv: semicolons": _csv(GOOD.replace(b",", b";"), Sent(A)),
        "csv: tabs": _csv(GOOD.replace(b",", b"\t"), Sent(A)),
        "csv: a separator told": _csv(b"sep=|\r\n" + GOOD.replace(b",", b"|"), Sent(A)),
        "csv: a type told": _csv(b"#TYPE Some.Thing\r\n" + GOOD, Sent(A)),
        "csv: UTF-16 little-endian": _csv(GOOD.decode().encode("utf-16"), Sent(A)),
        "csv: UTF-16 big-endian": _csv(b"\xfe\xff" + GOOD.decode().encode("utf-16-be"), Sent(A)),
        "csv: half a character of UTF-16": _csv(
            GOOD.decode().encode("utf-16") + b"b\0@",
            Refused("line 3: in the column 'Email' is a character that is not UTF-16LE"),
        ),
        "csv: quotes behind backslashes": _csv(
            GOOD + b'b@x.com,"C \\"Cc\\"",D\n', Sent(A | {"b@x.com": ('C "Cc"', "D")})
        ),
        "csv: delimiters behind backslashes": _csv(
            GOOD + b"b@x.com,C\\, Cc,D\n", Sent(A | {"b@x.com": ("C, Cc", "D")})
        ),
        "csv: a quote that holds people": _csv(
            GOOD + b'b@x.com,"C,D\nc@x.com,E,F\nd@x.com,G,H\ne@x.com,I "J",K\n',
            Refused("line 3: a quote is opened and closed on line 6, with what look like rows"),
        ),
        "csv: a note of several lines": _csv(
            GOOD + b'b@x.com,"C,D\nask c@x.com, or E\nor not",F\n',
            Sent(A | {"b@x.com": ("C,D\nask c@x.com, or E\nor not", "F")}),
        ),
        "csv: a broken byte where nobody looks": _csv(
            b"Email,First,Last,Note\na@x.com,A,B,\xff\0" + LONG + b"\n", Sent(A)
        ),
        "csv: old line ends in a line": _csv(b"Email,First,Last\ra@x.com,A,B\n", Sent(A)),
        "csv: a column without a name": _csv(b"Email,First,Last,\na@x.com,A,B\n", Sent(A)),
        "tsv: letters behind backslashes": Case(
            {"Customers/1.tsv": b"Email\tFirst\tLast\na@x.com\tA\\\\\\tA\tB\\n\n"},
            Sent({"a@x.com": ("A\\\tA", "B")}),
        ),
        "txt: commas": Case({"Customers/1.txt": GOOD}, Sent(A)),
        "csv: really Parquet": _csv(parquet(TABLE), Refused("is Parquet, which is not")),
        "csv: really an Excel workbook": _csv(
            _zip(), Refused("is a ZIP archive or an Excel workbook")
        ),
        "csv: really NDJSON": _csv(OBJECT, Refused("The first line is not a header.")),
        "csv: really HTML": _csv(
            b"<!doctype html>\n<p>Sign in\n", Refused("has no column 'Email'")
        ),
        "csv: a header that begins like another form": _csv(
            b"PAR1,ORC,BZh,Email,First,Last\n1,2,3,a@x.com,A,B\n", Sent(A)
        ),
        "csv: an extension in capitals": Case({"Customers/1.CSV": GOOD}, Sent(A)),
        "csv: a million commas": _csv(
            GOOD + b"b@x.com" + b"," * 1_000_000 + b"\n", Sent(A, [(3, "wrong_field_count")])
        ),
        "csv: a million commas and nothing else": _csv(GOOD + b"," * 1_000_000 + b"\n", Sent(A)),
        "csv: a header of a million columns": _csv(
            b"Email,First,Last" + b",x" * 1_000_000 + b"\n",
            Refused("There is a header but no profile in"),
        ),
    }


def _archives() -> dict[str, Case]:
    good, twice = gzip.compress(GOOD), gzip.compress(gzip.compress(GOOD))
    flipped = bytearray(gzip.compress(GOOD + b"b@x.com,C,D\n"))
    flipped[-6] ^= 0xFF  # a byte of the checksum
    return {
        "gzip: good": _gz(good, Sent(A)),
        "gzip: capitals": _gz(good, Sent(A), "Customers/1.Csv.GZ"),
        "gzip: two members": _gz(good + gzip.compress(b"b@x.com,C,D\n"), Sent(AB)),
        "gzip: a member that ends inside a line": _gz(
            gzip.compress(GOOD + b"b@x.") + gzip.compress(b"com,C,D\n"), Sent(AB)
        ),
        "gzip: zeros at the end": _gz(good + bytes(512), Sent(A)),
        "gzip: something else at the end": _gz(good + b"more", Refused("not gzip follows at byte")),
        "gzip: cut off": _gz(good[:-9], Refused("the archive is cut off")),
        "gzip: cut off in the header": _gz(good[:5], Refused("the archive is cut off")),
        "gzip: damaged": _gz(bytes(flipped), Refused("the archive is damaged near its byte")),
        "gzip: not gzip": _gz(GOOD, Refused("this is not gzip")),
        **_empty("Customers/1.csv.gz"),
        "gzip: gzip of nothing": _gz(gzip.compress(b""), Refused("is empty")),
        "gzip: twice": _gz(twice, Refused("is gzip, which is not what its name")),
        "gzip: of Parquet": _gz(gzip.compress(parquet(TABLE)), Refused("is Parquet, which is not")),
        "gzip: not UTF-8 inside": _gz(
            gzip.compress(HEAD + b"a@x.com,\xff,B\n"), Refused("line 2: in the column 'First'")
        ),
        "gzip: a bomb of zeros": _gz(
            gzip.compress(bytes(20_000_000)), Refused("line 1: the line is longer than 4,194,304")
        ),
        "gzip: a bomb in one line": _gz(
            gzip.compress(GOOD + b"x" * 20_000_000), Refused("the line is longer than")
        ),
        "gzip: a bomb of good rows": _gz(
            gzip.compress(GOOD + _WIDE * 8_000),
            Refused("more than 250 times as large as the archive"),
        ),
    }


def _objects() -> dict[str, Case]:
    nothing = b'{"Email": "b@x.com", "First": null}\n'
    return {
        "ndjson: good": _nd(OBJECT + OTHER, Sent(AB)),
        "ndjson: jsonl": Case({"Customers/1.jsonl": OBJECT}, Sent(A)),
        "ndjson: gzip": Case({"Customers/1.ndjson.gz": gzip.compress(OBJECT)}, Sent(A)),
        "ndjson: a byte order mark": _nd(b"\xef\xbb\xbf" + OBJECT, Sent(A)),
        "ndjson: blank lines, and none at the end": _nd(b"\n \r\n" + OBJECT.rstrip(), Sent(A)),
        "ndjson: nulls and missing members": _nd(OBJECT + nothing, Sent(A | {"b@x.com": ("", "")})),
        "ndjson: numbers, booleans and lists": _nd(
            b'{"Email": "a@x.com", "First": 12345678901234567890123, "Last": true}\n'
            b'{"Email": "b@x.com", "First": 2.50, "Last": ["x", {"y": 1.0}]}\n'
            b'{"Email": 5, "First": 3.0, "Last": {}}\n',
            Sent(
                {
                    "a@x.com": ("12345678901234567890123", "true"),
                    "b@x.com": ("2.5", '["x",{"y":1.0}]'),
                },
                [(3, "no_at")],
            ),
        ),
        "ndjson: a member twice": _nd(
            b'{"Email": "z@x.com", "Email": "a@x.com", "First": "A", "Last": "B"}\n', Sent(A)
        ),
        "ndjson: members in another case": _nd(
            OBJECT.replace(b"First", b"FIRST"), Refused("no object with the member 'First'")
        ),
        "ndjson: a member that no object has": _nd(
            b'{"Email": "a@x.com", "First": "A"}\n', Refused("no object with the member 'Last'")
        ),
        **_empty("Customers/1.ndjson"),
        "ndjson: a list of objects": _nd(
            b"[" + OBJECT + b"," + OTHER + b"]", Refused("line 1: the file is one list of JSON.")
        ),
        "ndjson: a list on one line": _nd(
            b"[" + OBJECT.strip() + b"]\n", Refused("line 1: the file is one list of JSON.")
        ),
        "ndjson: a list after an object": _nd(
            OBJECT + b"[1]\n", Refused("line 2: this is JSON, but not an object")
        ),
        "ndjson: by columns, as pandas writes it": _nd(
            b'{"Email":{"0":"a@x.com"},"First":{"0":"A"},"Last":{"0":"B"}}',
            Refused("line 1: this is JSON by columns, without rows."),
        ),
        "ndjson: a name of a member with what cannot be seen": Case(
            {"Customers/1.json": OBJECT.replace(b"Last", "La\u200bst".encode())}, Sent(A)
        ),
        "ndjson: an object over several lines": _nd(
            json.dumps({"Email": "a@x.com"}, indent=1).encode(), Refused("line 1: this is not JSON")
        ),
        "ndjson: half an object": _nd(OBJECT + OTHER[:20], Refused("line 2: this is not JSON")),
        "ndjson: not a number": _nd(
            OBJECT + b'{"Email": NaN}\n', Refused("line 2: this is not JSON")
        ),
        "ndjson: not UTF-8": _nd(
            OBJECT + b'{"Email": "\xff"}\n', Refused("line 2: this is not UTF-8")
        ),
        "ndjson: half a character of two": _nd(
            OBJECT + b'{"Email": "\\ud800"}\n', Refused("line 2: this is not JSON")
        ),
        "ndjson: UTF-16": _nd(OBJECT.decode().encode("utf-16"), Sent(A)),
        "ndjson: a NUL in a value": _nd(
            OBJECT + OTHER.replace(b'"C"', b'"\\u0000"'), Refused("line 2: there is a NUL")
        ),
        "ndjson: nested without end": _nd(
            OBJECT + b'{"Email": ' + b"[" * 100_000 + b"\n", Refused("line 2: this is not JSON")
        ),
        "ndjson: a value that is too long": _nd(
            OBJECT + OTHER.replace(b"C", LONG), Refused("line 2: a field is longer than")
        ),
        "ndjson: a line that never ends": _nd(
            OBJECT + b'"' + b"x" * 5_000_000, Refused("line 2: the line is longer than")
        ),
        "ndjson: really CSV": _nd(GOOD, Refused("line 1: this is not JSON")),
        "ndjson: really gzip": _nd(gzip.compress(OBJECT), Sent(A)),
    }


def _parquets() -> dict[str, Case]:
    good = parquet(TABLE)
    unreadable = "the file is damaged, or holds what cannot be read"
    dates = {
        "Email": ["a@x.com", "b@x.com"],
        "First": pa.array([date(2026, 11, 21), None]),
        "Last": pa.array([datetime(2026, 11, 21, 9, tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
    }
    numbers = {
        "Email": pa.array([b"a@x.com", b"b@x.com"], pa.binary()),
        "First": pa.array([Decimal("1.50"), None]),
        "Last": pa.array([12.1, float("nan")], pa.float32()),
    }
    wrong = {"Email": [1, 2], "First": [True, False], "Last": pa.nulls(2)}
    damaged = good[:4] + b"\xff" * 20 + good[24:]
    return {
        "parquet: good": _pq(good, Sent(A)),
        "parquet: gzip inside": _pq(parquet(TABLE, compression="gzip"), Sent(A)),
        "parquet: row groups of one row": _pq(
            parquet({name: TABLE[name] + OTHERS[name] for name in TABLE}, row_group_size=1),
            Sent(AB),
        ),
        "parquet: dates and times": _pq(
            parquet(dates),
            Sent(
                {
                    "a@x.com": ("2026-11-21", "2026-11-21T09:00:00+00:00"),
                    "b@x.com": ("", ""),
                }
            ),
        ),
        "parquet: decimals, floats and bytes": _pq(
            parquet(numbers), Sent({"a@x.com": ("1.50", "12.1"), "b@x.com": ("", "NaN")})
        ),
        "parquet: dictionaries": _pq(
            parquet({**TABLE, "First": pa.array(["A"]).dictionary_encode()}), Sent(A)
        ),
        "parquet: no rows": _pq(
            parquet({name: pa.array([], pa.string()) for name in TABLE}),
            Refused("There is a header but no profile in"),
        ),
        "parquet: nothing but nulls": _pq(
            parquet({name: pa.nulls(2, pa.string()) for name in TABLE}),
            Sent({}, [(1, "no_address"), (2, "no_address")]),
        ),
        "parquet: wrong types": _pq(parquet(wrong), Sent({}, [(1, "no_at"), (2, "no_at")])),
        "parquet: nested, not mapped": _pq(parquet({**TABLE, "Tags": [["x", "y"]]}), Sent(A)),
        "parquet: a list": _pq(
            parquet({**TABLE, "First": [["x"]]}), Refused("the column 'First' holds list")
        ),
        "parquet: a struct": _pq(
            parquet({**TABLE, "Last": [{"x": 1}]}), Refused("the column 'Last' holds struct")
        ),
        "parquet: a map": _pq(
            parquet({**TABLE, "Last": pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))}),
            Refused("the column 'Last' holds map"),
        ),
        "parquet: a column missing": _pq(
            parquet({"Email": ["a@x.com"], "First": ["A"]}), Refused("has no column 'Last'")
        ),
        "parquet: no column that is mapped": _pq(
            parquet({"Id": [1]}), Refused("has no column 'Email'")
        ),
        "parquet: columns in another case": _pq(
            parquet({"email": ["a@x.com"], "First": ["A"], "Last": ["B"]}),
            Refused("has no column 'Email'"),
        ),
        "parquet: a column twice": _pq(twice_named(), Refused("more than one column 'Email'")),
        "parquet: bytes that are no text": _pq(
            parquet({**TABLE, "Last": pa.array([b"\xff"], pa.binary())}), Refused(unreadable)
        ),
        "parquet: a NUL": _pq(
            parquet({**TABLE, "Last": ["B\0"]}), Refused("near row 1: there is a NUL character")
        ),
        "parquet: a value that is too long": _pq(
            parquet({**TABLE, "Last": [LONG.decode()]}), Refused("a field is longer than 131,072")
        ),
        **_empty("Customers/1.parquet"),
        "parquet: eight bytes": _pq(b"PAR1PAR1", Refused("this is not Parquet")),
        "parquet: cut off": _pq(good[:-20], Refused("this is not Parquet, or its end is missing")),
        "parquet: really CSV": _pq(GOOD, Refused("this is not Parquet")),
        "parquet: a footer longer than the file": _pq(
            with_footer_length(good, 1_000_000),
            Refused("this is not Parquet, or its end is missing"),
        ),
        "parquet: a footer of gigabytes": _pq(
            with_footer_length(good, 4_000_000_000), Refused("the footer has 4,000,000,000 bytes")
        ),
        "parquet: a footer of zeros": _pq(
            b"PAR1" + bytes(500) + (500).to_bytes(4, "little") + b"PAR1", Refused(unreadable)
        ),
        "parquet: an encrypted footer": _pq(encrypted_footer(), Refused("the file is encrypted")),
        "parquet: a damaged page": _pq(damaged, Refused("a page is damaged or encrypted")),
        "parquet: a page of 140 MB": _pq(
            bomb(), Refused("row group 1 takes more than 134,217,728")
        ),
        "parquet: a value repeated to 20 GB": _pq(
            dictionary_bomb(), Refused("a field is longer than 131,072")
        ),
        "parquet: more rows than there are people": _pq(
            absurd_rows(), Refused("the file has 60,000,000 rows")
        ),
        "parquet: a footer of many columns": _pq(
            parquet({**TABLE, **{f"c{n}": [n] for n in range(2_000)}}), Sent(A)
        ),
    }


def _folders() -> dict[str, Case]:
    other, b = HEAD + b"b@x.com,C,D\n", {"b@x.com": ("C", "D")}
    return {
        "folder: two parts": _parts(Sent(AB), GOOD, other),
        "folder: columns in another order in each": _parts(
            Sent(AB), GOOD, b"Last,First,Email\nD,C,b@x.com\n"
        ),
        "folder: a part of nothing": _parts(Sent(A), b"", GOOD),
        "folder: a part of only a header": _parts(Sent(A), HEAD, GOOD),
        "folder: nothing but parts of nothing": _parts(
            Refused("There is a header but no profile in"), b"", b""
        ),
        "folder: a column missing in one part": _parts(
            Refused("part-00001.csv has no column 'Last'"), GOOD, b"Email,First\nb@x.com,C\n"
        ),
        "folder: a bad part": _parts(
            Refused("part-00001.csv, line 2: in the column 'Email'"), GOOD, HEAD + b"\xff\n"
        ),
        "folder: Parquet": _parts(Sent(AB), parquet(TABLE), parquet(OTHERS), end="snappy.parquet"),
        "folder: gzip": _parts(Sent(AB), gzip.compress(GOOD), gzip.compress(other), end="csv.gz"),
        "folder: JSON of Spark": _parts(Sent(AB), OBJECT, OTHER, end="json"),
        "folder: JSON with a member in some parts only": _parts(
            Sent(A | {"b@x.com": ("C", "")}),
            OBJECT,
            b'{"Email": "b@x.com", "First": "C"}\n',
            end="json",
        ),
        "folder: not closed": _folder(Refused("_SUCCESS is not there yet"), done=False, csv=GOOD),
        "folder: two forms": _folder(Refused("several forms"), csv=GOOD, parquet=parquet(TABLE)),
        "folder: a form that is not read": _folder(Refused("not read here"), orc=b"ORC"),
        "folder: hidden files": Case(
            {
                "Customers/run/_committed_1": b"{}",
                "Customers/run/.part-00000.csv.crc": b"crc",
                "Customers/run/_temporary/0/part-00009.csv": other,
                "Customers/run/part-00000.csv": GOOD,
                "Customers/run/_SUCCESS": b"",
            },
            Sent(A),
        ),
        "folder: parts that come after the end": Case(
            {
                "Customers/run/part-00000.csv": GOOD,
                "Customers/run/_SUCCESS": b"",
                "Customers/run/part-00001.csv": other,
            },
            Refused("files came after _SUCCESS"),
        ),
        "folder: an unfinished one after a finished one": Case(
            {
                "Customers/1/part-00000.csv": GOOD,
                "Customers/1/_SUCCESS": b"",
                "Customers/2/part-00000.csv": other,
            },
            Sent(A),
        ),
        "folder: the newer of two": Case(
            {
                "Customers/2/part-00000.csv": GOOD,
                "Customers/2/_SUCCESS": b"",
                "Customers/1/part-00000.csv": other,
                "Customers/1/_SUCCESS": b"",
            },
            Sent(b),
        ),
        "folder: one address in two parts": _parts(
            Sent(A, [(2, "duplicate")]), GOOD, HEAD + b"a@x.com,C,D\n"
        ),
        "folder: parts that come after the end, and are all": Case(
            {
                "Customers/run/_SUCCESS": b"",
                "Customers/run/part-00000.csv": GOOD,
                "Customers/run/part-00001.csv": other,
            },
            Sent(AB),
            minutes=10,
        ),
        "folder: not closed, and nothing comes any more": Case(
            {"Customers/run/part-00000.csv": GOOD, "Customers/run/part-00001.csv": other},
            Sent(AB),
            minutes=10,
        ),
        "folder: not closed, and the first part is missing": Case(
            {"Customers/run/part-00001.csv": GOOD, "Customers/run/part-00002.csv": other},
            Refused("nor is the first of the parts"),
            minutes=60,
        ),
        "folder: an empty part in Parquet": _parts(Sent(A), b"", parquet(TABLE), end="parquet"),
    }


def _exports() -> dict[str, Case]:
    row, other = b"a@x.com,A,B\n", b"b@x.com,C,D\n"
    files = {ONE: row, TWO: other}
    outside = "a file that is not below its own folder"
    return {
        "exported: two files without a header": _exported(Sent(AB), model(at(ONE), at(TWO)), files),
        "exported: a header": _exported(Sent(A), model(at(ONE), columnHeaders=True), {ONE: GOOD}),
        "exported: semicolons": _exported(
            Sent(A), model(at(ONE), delimiter=";"), {ONE: row.replace(b",", b";")}
        ),
        "exported: quotes that mean nothing": _exported(
            Sent({"a@x.com": ('"A', "B")}),
            model(at(ONE), quoteStyle="QuoteStyle.None"),
            {ONE: b'a@x.com,"A,B\n'},
        ),
        "exported: quotes that mean something": _exported(
            Sent({"a@x.com": ("A,\nZ", "B")}),
            model(at(ONE), quoteStyle="QuoteStyle.Csv", csvStyle="CsvStyle.QuoteAlways"),
            {ONE: b'a@x.com,"A,\nZ",B\n'},
        ),
        "exported: rows of another length": _exported(
            Sent(A, [(2, "wrong_field_count")]), model(at(ONE)), {ONE: row + b"b@x.com\n"}
        ),
        "exported: relative locations": _exported(
            Sent(A), model(ONE.removeprefix(EXPORT)), {ONE: row}
        ),
        "exported: another account, copied here": _exported(
            Sent(A), model(f"https://other.dfs.core.windows.net/ci/{ONE}"), {ONE: row}
        ),
        "exported: no model.json yet": Case(
            {ONE: row}, Refused("model.json is not there yet"), EXPORTED
        ),
        "exported: a file that is not there": _exported(
            Refused("names 1 files that are not there, the first of them"),
            model(at(ONE), at(TWO)),
            {ONE: row},
        ),
        "exported: a file outside": _exported(
            Refused(outside), model("https://evil.example/secrets.csv"), {ONE: row}
        ),
        "exported: a file of another export": _exported(
            Refused(outside),
            model(at("CustomerInsights_2/Blob/High/1.csv")),
            {ONE: row, "CustomerInsights_2/Blob/High/1.csv": other},
        ),
        "exported: steps upwards": _exported(
            Refused(outside),
            model(f"{at(EXPORT)}High/../../../Customers/1.csv"),
            {ONE: row, "Customers/1.csv": GOOD},
        ),
        "exported: hidden steps upwards": _exported(
            Refused(outside), model(f"{at(EXPORT)}High/%2e%2e/%2E%2E/1.csv"), {ONE: row}
        ),
        "exported: half an address": _exported(Refused(outside), model("https://["), {ONE: row}),
        "exported: no location": _exported(Refused(outside), model(""), {ONE: row}),
        "exported: no partition": _exported(Refused("names no file of High"), model(), {ONE: row}),
        "exported: a form that is not read": _exported(
            Refused("is no segment file"), model(at(ONE.replace(".csv", ".snappy"))), {ONE: row}
        ),
        "exported: another encoding": _exported(
            Refused("are in latin-1, and only UTF-8"),
            model(at(ONE), encoding="latin-1"),
            {ONE: row},
        ),
        "exported: an encoding that nobody knows": _exported(
            Refused("only UTF-8 is read"), model(at(ONE), encoding="\0"), {ONE: row}
        ),
        "exported: a delimiter of two characters": _exported(
            Refused("the delimiter of High"), model(at(ONE), delimiter="||"), {ONE: row}
        ),
        "exported: no attributes": _exported(
            Refused("High has 0 attributes"), model(at(ONE), columns=()), {ONE: row}
        ),
        "exported: a mapped attribute missing": _exported(
            Refused("has no column 'Last'"),
            model(at(ONE), columns=("Email", "First", "x")),
            {ONE: row},
        ),
        "exported: a model that is no JSON": _exported(
            Refused("model.json cannot be read"), b"<html>", {ONE: row}
        ),
        "exported: a model of something else": _exported(
            Refused("What is wrong stands at: entities"), b'{"entities": 5}', {ONE: row}
        ),
        "exported: a mark before the model": _exported(
            Sent(A), b"\xef\xbb\xbf" + model(at(ONE)), {ONE: row}
        ),
        "exported: settings of null": _exported(
            Sent(A),
            model(at(ONE)).replace(b'{"$type": "CsvFormatSettings"}', b"null"),
            {ONE: row},
        ),
        "exported: a delimiter of null": _exported(
            Sent(A), model(at(ONE), delimiter=None, encoding=None), {ONE: row}
        ),
        "exported: signs in a location as they are": _exported(
            Sent(A),
            model(at(ODD).replace("%20", " ")),
            {ODD: row},
        ),
        "exported: signs in a location as an address has them": _exported(
            Sent(A), model(f"https://acme.example/segments/{quote(ODD)}"), {ODD: row}
        ),
        "exported: a signature behind a location": _exported(
            Sent(A), model(f"{at(ONE)}?sv=1&sig=secret"), {ONE: row}
        ),
        "exported: another entity is bad": _exported(
            Sent(A),
            model(at(ONE)).replace(
                b'"entities": [',
                b'"entities": [7, {"name": "Low", "partitions": 5}, {"$type": "X"}, {"name": null}, ',
            ),
            {ONE: row},
        ),
        "exported: the entity is bad": _exported(
            Refused("What is wrong stands at: entities.0.partitions"),
            b'{"entities": [{"name": "High", "partitions": 5}]}',
            {ONE: row},
        ),
        "exported: no members": _exported(Refused("High has no members"), model(), {ONE: row}),
        "exported: a manifest instead of a model": Case(
            {ONE: row, f"{EXPORT}default.manifest.cdm.json": b"{}"},
            Refused("default.manifest.cdm.json is a manifest, which is not read"),
            EXPORTED,
        ),
        "exported: a model in UTF-16": _exported(
            Refused("model.json cannot be read"),
            model(at(ONE)).decode().encode("utf-16"),
            {ONE: row},
        ),
        "exported: a model of 5 MB": _exported(
            Refused("model.json has"), model(at(ONE)) + b" " * 5_000_000, {ONE: row}
        ),
        "exported: too many files": _exported(
            Refused("has 1,001 files"),
            model(*(at(f"{EXPORT}High/{n}.csv") for n in range(1_001))),
            {ONE: row},
        ),
    }
