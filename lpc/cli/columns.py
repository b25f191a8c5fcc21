"""What the columns of a csv table hold, and which of them is to be predicted: guesses for a first program."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lpc.cli.refusal import Refusal, system_says

USUAL_TARGETS = (
    "target", "label", "class", "y", "output", "outcome", "species", "diagnosis", "quality", "category", "survived", "price"
)  # fmt: skip
"""Names under which tables have what is to be predicted; else it is the last column."""
FEW = 20
"""Whole numbers with at most so many different values are classes, where they are few among the rows."""
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Column:
    """A column: how many different values it has, and whether they are numbers."""

    name: str
    kinds: int
    numbers: bool
    whole: bool
    rows: int

    @property
    def is_class(self) -> bool:
        """Whether its values look like names of classes rather than measurements."""
        return not self.numbers or (self.whole and self.kinds <= min(FEW, max(2, self.rows // 5)))


@dataclass(frozen=True)
class Table:
    """A table's columns, in order, and the one to be predicted."""

    columns: tuple[Column, ...]
    target: Column
    rows: int

    @property
    def features(self) -> list[Column]:
        return [column for column in self.columns if column.numbers and column != self.target]

    @property
    def left_out(self) -> list[Column]:
        """Columns of words: a first program does not use them."""
        return [column for column in self.columns if not column.numbers and column != self.target]


def read_columns(path: Path) -> Table:
    """Read a table as scripts do: what separates fields is found in the header line, quotes as usual. Raises Refusal."""
    names, rows, lines = _cells(path)
    for row, line in zip(rows, lines, strict=True):
        if "" in row:
            raise Refusal(f"{path}, line {line}: {names[row.index('')]} is missing; programs read whole rows only")
    columns = tuple(_column(name, [row[at] for row in rows]) for at, name in enumerate(names))
    known = {column.name.casefold(): column for column in columns}
    target = next((known[name] for name in USUAL_TARGETS if name in known), columns[-1])
    found = Table(columns, target, len(rows))
    if not found.features:
        raise Refusal(f"{path} has no column of numbers beside {target.name!r}: there is nothing to predict from")
    if target.is_class and not 2 <= target.kinds <= MOST_CLASSES:
        raise Refusal(f"{path}: {target.name!r} has {target.kinds} different values, which makes no classes")
    return found


def _cells(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Column names, rows of cells, and the line each row ends on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
        reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t|", key=header.count), strict=True)
        names = [name.strip() for name in next(reader, [])]
        rows, lines = [], []
        for row in reader:
            if row:
                if len(row) != len(names):
                    raise Refusal(f"{path}, line {reader.line_num}: {len(row)} fields, the header has {len(names)}")
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except OSError as problem:
        raise Refusal(f"cannot read {path}: {system_says(problem)}") from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise Refusal(f"{path} is no csv file: {problem}") from problem
    if len(names) < 2 or len(set(names)) < len(names) or "" in names or all(_is_number(name) for name in names):
        raise Refusal(f"{path}: its first line should name two columns or more, each once")
    if not rows:
        raise Refusal(f"{path} has no rows")
    return names, rows, lines


def _column(name: str, cells: Sequence[str]) -> Column:
    kinds = set(cells)
    numbers = all(map(_is_number, kinds))
    return Column(
        name, len(kinds), numbers, numbers and all(re.fullmatch(r"[+-]?\d+", cell) for cell in kinds), len(cells)
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
