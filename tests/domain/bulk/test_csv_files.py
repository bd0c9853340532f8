"""CSV files: what their columns are, which rows can be used, and why not the others."""

from __future__ import annotations

import codecs
import tracemalloc
from typing import Any

import pytest

from domain.bulk import csv_files
from domain.bulk.csv_files import MAX_COLUMNS, read_csv
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject


def rows(
    text: str | bytes, mapping: JsonObject | None = None, *, takes_data: bool = True
) -> list[tuple[int, Any]]:
    """Return of each row its line, and its member or why it is none."""
    raw = text.encode() if isinstance(text, str) else text
    file = read_csv(raw, mapping or {}, takes_data=takes_data)
    found = [(line, item.content or item.error) for line, item in file.items()]
    assert len(found) == file.row_count
    return found


def faults(
    text: str | bytes, mapping: JsonObject | None = None, *, takes_data: bool = True
) -> list[tuple[str, str]]:
    """Return where a file is refused, and why."""
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(InvalidParams) as refused:
        read_csv(raw, mapping or {}, takes_data=takes_data)
    return [(error.field, error.message) for error in refused.value.errors]


ADA = {"user": {"id": "ada", "name": "Ada"}}


@pytest.mark.parametrize(
    "text",
    [
        "id,name\nada,Ada\n",
        "id,name\nada,Ada",
        "id,name\r\nada,Ada\r\n",
        "id,name\rada,Ada\r",
        " id , name \nada,Ada",
        'id,name\n"ada","Ada"\n',
        "id;name\nada;Ada\n",
        "id\tname\nada\tAda\n",
        "id,name,,\nada,Ada,,\n",
        "user_id,user.name\n ada ,Ada\n",
        codecs.BOM_UTF8 + b"id,name\nada,Ada\n",
        codecs.BOM_UTF16_LE + "id\tname\nada\tAda\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "id,name\nada,Ada\n".encode("utf-16-be"),
    ],
)
def test_the_ways_to_write_a_file(text: str | bytes) -> None:
    """Separators, line ends, quotation marks and encodings that spreadsheets write."""
    assert rows(text) == [(2, ADA)]


def test_a_spreadsheet_says_its_separator() -> None:
    """The line by which Excel says it is no row, and lines keep their numbers."""
    assert rows("sep=;\r\nid;name\r\nada;Ada\r\n") == [(3, ADA)]


def test_what_columns_are() -> None:
    """A column is what it is called, or a property of the user."""
    said = rows("id,tenant_id,email,plan,data.coupon,user.data\na,acme,a@x,pro,C-1,d\n")
    user = {"id": "a", "email": "a@x", "plan": "pro", "data": "d"}
    assert said == [(2, {"user": user, "tenant": "acme", "data": {"coupon": "C-1"}})]


def test_a_mapping_says_what_columns_are() -> None:
    """It goes before their names; what it leaves out is nowhere."""
    mapping: JsonObject = {
        "Customer ID": "id",
        "Firm": "tenant_id",
        "id": "user.legacy_id",
        "Code": "data.coupon",
        "Notes": "ignore",
        "More": None,
    }
    text = "Customer ID,Firm,id,Code,Notes,More,name\n7,acme,old,C-1,secret,more,Ada\n"
    user = {"id": "7", "legacy_id": "old", "name": "Ada"}
    assert rows(text, mapping) == [(2, {"user": user, "tenant": "acme", "data": {"coupon": "C-1"}})]


def test_values_are_text_and_empty_ones_say_nothing() -> None:
    """Nothing is read as a number; an empty cell leaves alone what is known."""
    assert rows("id,age,name,tenant_id\n007,41,,\n") == [(2, {"user": {"id": "007", "age": "41"}})]
    assert rows("id,name\na, b \n") == [(2, {"user": {"id": "a", "name": " b "}})]


def test_lines_within_cells() -> None:
    """A row is told by the line on which it begins; empty lines and empty rows are none."""
    text = 'id,note\na,"one\ntwo, ""quoted"""\n\n,\nb,x\n'
    assert rows(text) == [
        (2, {"user": {"id": "a", "note": 'one\ntwo, "quoted"'}}),
        (6, {"user": {"id": "b", "note": "x"}}),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",Ada,", "user.id: is required"),
        ("a/b,Ada,", "user.id: must not contain any of: / #"),
        (f"{'x' * 257},Ada,", "user.id: must have at most 256 characters"),
        (f"a,Ada,{'t' * 257}", "tenant: must have at most 256 characters"),
        ("a,Ada", "has 2 cells where the first line has 3"),
        ("a,Ada,,more", "has 4 cells where the first line has 3"),
        ("a,A\0da,", "must not contain null characters"),
    ],
)
def test_a_row_that_is_wrong_is_told_alone(row: str, why: str) -> None:
    """Those around it are as they would be without it."""
    text = f"id,name,tenant_id\nfirst,F,\n{row}\nlast,L,\n"
    assert [line for line, _ in rows(text)] == [2, 3, 4]
    assert rows(text)[1] == (3, why)
    assert rows(text)[2] == (4, {"user": {"id": "last", "name": "L"}})


def test_what_is_too_much_of_one_user() -> None:
    """Properties, and data, have 256 kB at most."""
    wide = ",".join(f"c{number}" for number in range(3))
    cells = ",".join(["x" * 100_000] * 3)
    assert rows(f"id,{wide}\na,{cells}\n") == [(2, "user: custom properties exceed 256 kB")]
    wide = wide.replace("c", "data.c")
    assert rows(f"id,{wide}\na,{cells}\n") == [(2, "data: must have at most 256 kB")]


def test_a_file_that_is_no_text_costs_little() -> None:
    """However many lines are wrong, no more are looked at than are told."""
    raw = b"\xe4\n" * 300_000
    tracemalloc.start()
    try:
        with pytest.raises(InvalidParams) as refused:
            read_csv(raw, {}, takes_data=True)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(refused.value.errors) == 100
    assert most < 4 * len(raw)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ["must have a first line that names its columns"]),
        ("\n\n", ["must have a first line that names its columns"]),
        ("id,name\n", ["has no rows below its first line"]),
        ("id,name\n,\n", ["has no rows below its first line"]),
        ("name,email\na,b\n", ["line 1: has no column for the id of the user"]),
        ("id,,name\na,b,c\n", ["line 1: has no name in column 2"]),
        ("id,x,x,y,y\na,b,c,d,e\n", ["line 1: has 2 columns named 'x'", "line 1: has 2"]),
        ("id,user_id\na,b\n", ["line 1: 'id', 'user_id' are all id; map all but one"]),
        ("id,channel_data\na,b\n", ["line 1: 'channel_data': a file cannot set channel_data"]),
        (
            "id,user.id,data.\na,b,c\n",
            ["line 1: 'user.id': use id", "line 1: 'data.': data. must"],
        ),
        ("id,x\0,data.y\0\na,b,c\n", ["line 1: 'x\\x00': must", "line 1: 'data.y\\x00': must"]),
        ('id,name\na,"b\nc,d\n', ["line 2: has a cell with an unclosed quotation mark"]),
        ('id,name\na,b\nc,"d"e\n', ["line 3: has quotation marks that cannot be read"]),
        ("id,name\na," + "x" * 131_073, ["line 2: has a cell of more than 131,072 characters"]),
        (b"id,name\na,\xe4\nb,c\nd,\xe4\n", ["line 2: must be valid", "line 4: must be valid"]),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x00", ["must be valid UTF-8"]),
        (",".join(f"c{one}" for one in range(MAX_COLUMNS + 1)), ["line 1: must name at most 500"]),
    ],
)
def test_what_keeps_a_file_from_being_read(text: str | bytes, where: list[str]) -> None:
    """Everything that is wrong with it as a whole is told, with its line."""
    told = faults(text)
    assert {field for field, _ in told} == {"body"}
    assert len(told) == len(where)
    for (_, message), beginning in zip(told, where, strict=True):
        assert message.startswith(beginning), message


def test_a_long_name_is_not_told_in_full() -> None:
    """Somebody may have written a whole file into the first line."""
    told = faults("id," + ",".join(["x" * 99_999] * 3) + "\na,b,c,d\n", {"y" * 999: "id"})
    assert len(told) == 2
    assert all(len(field) + len(message) < 600 for field, message in told)


def test_what_is_wrong_with_a_mapping() -> None:
    """Each of its members is told at its own place."""
    mapping: JsonObject = {"id": "id", "a": "email", "b": 3, "gone": "user.x", "c": "user."}
    unknown = "must be id, tenant_id, user. and a property, data. and a name, or ignore"
    assert faults("id,a,b,c\n1,2,3,4\n", mapping) == [
        ("mapping.a", unknown),
        ("mapping.b", unknown),
        ("mapping.c", "user. must be followed by a property"),
        ("mapping.gone", "is not a column of the file"),
    ]


def test_an_audience_has_no_data() -> None:
    """Only a broadcast takes it."""
    assert faults("id,data.x\na,b\n", takes_data=False) == [
        ("body", "line 1: 'data.x': an audience has no data; only a broadcast does")
    ]


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are counted before anything is done."""
    monkeypatch.setattr(csv_files, "MAX_ROWS", 2)
    assert len(rows("id\na\nb\n")) == 2
    assert faults("id\na\nb\nc\n") == [("body", "must have at most 2 rows")]
