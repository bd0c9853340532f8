"""CSV files of users: which column is what, and which rows can be used.

Source: Knock docs, "Audiences" and "Broadcasts": columns are mapped to fields of a user, to its
tenant, or to the data of a broadcast; users without an id that can be one are skipped; every value
is a string; a file has 10 MB at most. How a file is written is RFC 4180, and what Excel makes of
it. An empty cell says nothing, so that no export wipes out what is known.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NoReturn

from domain.audiences.members import listed_member
from domain.bulk.operations import NewBulkItem
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import MAX_ID_CHARACTERS
from domain.kit.json_types import JsonObject

MAX_CSV_BYTES = 10 * 1024 * 1024
# Each is an item of a bulk operation. A file of nothing but UUIDs has fewer.
MAX_ROWS = 500_000
MAX_COLUMNS = 500
# Python's own bound of a cell, which is one for the whole process.
_MAX_CELL = 131_072
_MOST_FAULTS = 100
_MOST_TOLD = 255

_FILE: Final = "body"
_SEPARATORS = (",", ";", "\t")
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

ID, TENANT, _IGNORE = "id", "tenant_id", "ignore"
_USER, _DATA = "user.", "data."
# What else a column without a mapping may be called.
_ALSO = {"user_id": ID}
# Members of a user that no text can be.
_NO_TEXT = frozenset({"channel_data", "preferences", "collection", "$trigger_data"})


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that was read as far as to tell what its columns are, and that its rows can be read.

    Attributes:
        text: all of it.
        separator: what stands between cells.
        header_line: on which line its columns are named.
        targets: what each column is, in order; None for one that is left out.
        row_count: how many rows say something.
    """

    text: str
    separator: str
    header_line: int
    targets: tuple[str | None, ...]
    row_count: int

    def items(self) -> Iterator[tuple[int, NewBulkItem]]:
        """Yield the line on which each row begins, and its member or why it is none."""
        for line, cells in _rows(self.text, self.separator):
            if line > self.header_line and any(cells):
                yield line, self._item(cells)

    def _item(self, cells: Sequence[str]) -> NewBulkItem:
        content: JsonObject = {"user": {}}
        for target, cell in zip(self.targets, cells, strict=False):
            if target is not None and cell:
                _put(content, target, cell)
        item_id = str(content["user"].get("id", ""))[:MAX_ID_CHARACTERS].replace("\0", "")
        if any(cells[len(self.targets) :]) or len(cells) < len(self.targets):
            told = f"has {len(cells)} cells where the first line has {len(self.targets)}"
            return NewBulkItem(item_id, None, error=told)
        if any("\0" in cell for cell in cells):
            return NewBulkItem(item_id, None, error="must not contain null characters")
        try:
            listed_member(content)
        except InvalidParams as refusal:
            return NewBulkItem(item_id, None, error=refusal.reasons)
        return NewBulkItem(item_id, None, content)


def _put(content: JsonObject, target: str, cell: str) -> None:
    if target == ID:
        content["user"]["id"] = cell.strip()
    elif target == TENANT:
        content["tenant"] = cell.strip() or None
    elif target.startswith(_DATA):
        content.setdefault("data", {})[target.removeprefix(_DATA)] = cell
    else:
        content["user"][target.removeprefix(_USER)] = cell


def read_csv(raw: bytes, mapping: JsonObject, *, takes_data: bool) -> CsvFile:
    """Read a file: its first line names the columns.

    Args:
        raw: as it was sent.
        mapping: what columns are, by name: `id`, `tenant_id`, `user.` and a property, `data.` and
            a name, or `ignore` for one that is left out. One that is not mapped is what it is
            called, or else a property of the user.
        takes_data: whether there is data to be filled.

    Returns:
        The file; rows that are wrong by themselves are told by its items.

    Raises:
        InvalidParams: with everything that keeps the file from being read.
    """
    text = _decoded(raw)
    separator, text = _separated(text)
    header_line, header, count = _measured(text, separator)
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()  # what a spreadsheet writes behind its last column
    targets = _targets(header_line, names, mapping, takes_data=takes_data)
    if not count:
        raise InvalidParams.of(_FILE, "has no rows below its first line")
    return CsvFile(text, separator, header_line, targets, count)


def _decoded(raw: bytes) -> str:
    """Return the text of a file: UTF-8, or whatever its first bytes say that it is."""
    encoding = "utf-8"
    for mark, named in _ENCODINGS:
        if raw.startswith(mark):
            raw, encoding = raw[len(mark) :], named
            break
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        pass
    if encoding != "utf-8":
        raise InvalidParams.of(_FILE, "must be valid UTF-8")
    # A file may be nothing but such lines, millions of them: no more is looked at than is told.
    lines = enumerate(io.BytesIO(raw), 1)
    found = (_at(line, "must be valid UTF-8") for line, each in lines if not _is_utf8(each))
    wrong = list(islice(found, _MOST_FAULTS))
    raise InvalidParams(wrong, f"{wrong[0]}; save the file as CSV UTF-8")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _separated(text: str) -> tuple[str, str]:
    """Tell what separates cells: what a first line `sep=;` says, or what the header has most of."""
    first, _, rest = text.partition("\n")
    said = first.rstrip("\r")
    if said.startswith("sep=") and len(said) == len("sep=") + 1 and said[-1] in _SEPARATORS:
        # An empty line in its place, so that lines keep their numbers.
        return said[-1], "\n" + rest
    outside = "".join(first.split('"')[::2])
    return max(_SEPARATORS, key=outside.count), text


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line on which it begins; empty lines are rows without cells.

    Raises:
        InvalidParams: of the row that cannot be read, behind which nothing can.
    """
    # Lines end as in whatever system wrote them; within quotation marks they stay as they are.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _unreadable(before + 1, str(error))
        yield before + 1, cells
        before = reader.line_num


def _unreadable(line: int, why: str) -> NoReturn:
    told = 'has quotation marks that cannot be read: " within a cell is written as ""'
    if "field limit" in why:
        told = f"has a cell of more than {_MAX_CELL:,} characters; is a quotation mark missing?"
    elif "unexpected end" in why:
        told = "has a cell with an unclosed quotation mark"
    raise InvalidParams([_at(line, told)])


def _measured(text: str, separator: str) -> tuple[int, list[str], int]:
    """Return the line of the header, the header, and how many rows below it say something."""
    header: tuple[int, list[str]] | None = None
    count = 0
    for line, cells in _rows(text, separator):
        if not any(cells):
            continue
        if header is None:
            header = line, cells
            continue
        count += 1
        if count > MAX_ROWS:
            raise InvalidParams.of(_FILE, f"must have at most {MAX_ROWS:,} rows")
    if header is None:
        raise InvalidParams.of(_FILE, "must have a first line that names its columns")
    return *header, count


def _targets(
    line: int, names: Sequence[str], mapping: JsonObject, *, takes_data: bool
) -> tuple[str | None, ...]:
    """Tell what each column is. Raises InvalidParams with all that is wrong with the header."""
    if len(names) > MAX_COLUMNS:
        raise InvalidParams([_at(line, f"must name at most {MAX_COLUMNS} columns")])
    errors: list[FieldError] = []
    targets: list[str | None] = []
    for place, name in enumerate(names, 1):
        if not name:
            errors.append(_at(line, f"has no name in column {place}"))
            targets.append(None)
            continue
        target, told = _target(name, mapping)
        if told is None and target is not None:
            told = _why_no_target(target, takes_data=takes_data)
        if told is not None:
            is_mapped = name in mapping
            errors.append(
                _mapped(name, told) if is_mapped else _at(line, f"{_shown(name)}: {told}")
            )
        targets.append(target)
    errors.extend(
        _at(line, f"has {count} columns named {_shown(name)}")
        for name, count in Counter(filter(None, names)).items()
        if count > 1
    )
    errors.extend(
        _mapped(name, "is not a column of the file") for name in mapping if name not in names
    )
    errors.extend(_collisions(line, names, targets))
    if ID not in targets and not errors:
        errors.append(_at(line, "has no column for the id of the user; name one id, or map one"))
    if errors:
        raise InvalidParams(errors[:_MOST_FAULTS])
    return tuple(targets)


def _target(name: str, mapping: JsonObject) -> tuple[str | None, str | None]:
    """Return what a column is, and what is wrong with what was said of that."""
    if name not in mapping:
        if name in (ID, TENANT) or name.startswith((_USER, _DATA)):
            return name, None
        return _ALSO.get(name, f"{_USER}{name}"), None
    said = mapping[name]
    if said in (None, _IGNORE):
        return None, None
    if isinstance(said, str) and (said in (ID, TENANT) or said.startswith((_USER, _DATA))):
        return said, None
    return None, f"must be id, tenant_id, user. and a property, data. and a name, or {_IGNORE}"


def _why_no_target(target: str, *, takes_data: bool) -> str | None:
    """Return why nothing can be written where a column is to be written, or None."""
    told = None
    if "\0" in target:
        told = "must not contain null characters"
    elif target == _DATA:
        told = "data. must be followed by a name"
    elif target.startswith(_DATA) and not takes_data:
        told = "an audience has no data; only a broadcast does"
    elif target == _USER:
        told = "user. must be followed by a property"
    elif target == f"{_USER}{ID}":
        told = "use id for the id of the user"
    elif target.removeprefix(_USER) in _NO_TEXT:
        told = f"a file cannot set {target.removeprefix(_USER)} of a user"
    return told


def _collisions(
    line: int, names: Sequence[str], targets: Sequence[str | None]
) -> Iterator[FieldError]:
    columns: dict[str, list[str]] = {}
    for name, target in zip(names, targets, strict=True):
        if target is not None and name:
            columns.setdefault(target, []).append(name)
    for target, several in columns.items():
        distinct = list(dict.fromkeys(several))
        if len(distinct) > 1:
            told = f"{', '.join(map(_shown, distinct))} are all {target}"
            yield _at(line, f"{told[:_MOST_TOLD]}; map all but one")


def _shown(name: str) -> str:
    """Write the name of a column for people, who may have written a whole file there."""
    return repr(name[:_MOST_TOLD])


def _mapped(name: str, told: str) -> FieldError:
    return FieldError(f"mapping.{name[:_MOST_TOLD]}", told)


def _at(line: int, told: str) -> FieldError:
    return FieldError(_FILE, f"line {line}: {told}")
