"""Tables in csv files."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import torch
from torch import Tensor

from lpc.runtime.data import Binding, Splits, checked
from lpc.runtime.failure import BadInput
from lpc.runtime.files import own_file
from lpc.runtime.options import Options


def load_csv(options: Options, data: tuple[Binding, ...], file: str, targets: tuple[str, ...] = ()) -> Splits:
    """The last name gets the columns `targets` (default: the column of its own name), the first all that are left.

    A name between them gets the column of its name. With one name and no targets, it gets all.
    """
    path, content = own_file(options.data, "csv", file)
    columns, lines = read_table(path, content)
    first, last = data[0].name, data[-1].name
    wanted: dict[str, tuple[str, ...]] = {binding.name: (binding.name,) for binding in data[1:]}
    if targets or first != last:
        wanted[last] = targets or (last,)
    if missing := [name for names in wanted.values() for name in names if name not in columns]:
        raise BadInput(f"{path} has no column {missing[0]!r}; it has {', '.join(columns)}")
    taken = {column for names in wanted.values() for column in names}
    wanted.setdefault(first, tuple(column for column in columns if column not in taken))
    facts: dict[str, object] = {"source": "csv", "columns": wanted}
    part = []
    for binding in data:
        names = wanted[binding.name]
        if len(names) != math.prod(binding.shape):
            raise BadInput(f"{path}: {len(names)} columns for {binding.name}, the program says {list(binding.shape)}")
        if binding.classes is None:
            table = torch.stack([numbers(path, name, columns[name], lines) for name in names], 1)
            part.append(table.view(-1, *binding.shape))
        else:
            codes, kinds = class_codes(path, names[0], columns[names[0]], lines, binding.classes)
            part.append(checked(codes, binding, str(path)))
            facts[f"classes of {binding.name}"] = kinds
    return Splits(tuple(part), facts=facts)


def read_table(path: Path, content: bytes) -> tuple[dict[str, list[str]], list[int]]:
    """Columns by name, and the line each row ends on. What separates fields is found in the header line."""
    try:
        text = content.decode("utf-8-sig")
        header = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
        separator = max(",;\t|", key=header.count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
        names = [name.strip() for name in next(reader, [])]
        if not names or len(set(names)) < len(names):
            raise BadInput(f"{path}: its first line should name the columns, each once")
        rows, lines = [], []
        for row in reader:
            if row:
                if len(row) != len(names):
                    raise BadInput(f"{path}, line {reader.line_num}: {len(row)} fields, the header has {len(names)}")
                rows.append(row)
                lines.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as problem:
        raise BadInput(f"{path} is no csv file: {problem}") from problem
    if not rows:
        raise BadInput(f"{path} has no rows")
    return {name: [row[i].strip() for row in rows] for i, name in enumerate(names)}, lines


def numbers(path: Path, name: str, values: list[str], lines: list[int]) -> Tensor:
    """A column of finite numbers, float64."""
    found = []
    for value, line in zip(values, lines, strict=True):
        try:
            found.append(float(value))
        except ValueError:
            found.append(math.nan)
        if not math.isfinite(found[-1]):
            what = f"is {value!r}, which is not a finite number" if value else "is missing"
            raise BadInput(f"{path}, line {line}: {name} {what}")
    return torch.tensor(found, dtype=torch.float64)


def class_codes(path: Path, name: str, values: list[str], lines: list[int], classes: int) -> tuple[Tensor, list[str]]:
    """Whole numbers below `classes` as they are; any other `classes` different values in sorted order, numbers as such."""
    if "" in values:
        raise BadInput(f"{path}, line {lines[values.index('')]}: {name} is missing")
    kinds, where = sorted(set(values)), str(path)
    if all(re.fullmatch(r"[+-]?\d+", kind) for kind in kinds):
        whole = [int(value) for value in values]
        if min(whole) >= 0 and max(whole) < classes:
            return torch.tensor(whole), [str(i) for i in range(classes)]
        kinds.sort(key=int)
        where += f", line {next(line for line, code in zip(lines, whole, strict=True) if not 0 <= code < classes)}"
    if len(kinds) != classes:
        shown = ", ".join(kinds[:8]) + (", …" if len(kinds) > 8 else "")
        raise BadInput(
            f"{where}: {name} has {len(kinds)} different values ({shown}), the program says {classes} classes"
        )
    place = {kind: i for i, kind in enumerate(kinds)}
    return torch.tensor([place[value] for value in values]), kinds
