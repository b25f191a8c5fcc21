"""`lpc new`: a first program, on handwritten digits or on a table of one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from lpc.cli import examples
from lpc.cli.columns import Column, Table, read_columns
from lpc.cli.options import color_option
from lpc.cli.programs import say
from lpc.cli.refusal import Refusal
from lpc.cli.tables import number
from lpc.cli.writing import write_whole
from lpc.diagnostics import Report
from lpc.syntax.words import KEYWORDS, SELECTOR_WORDS

TABLES = (".csv", ".tsv", ".txt")
TAKEN = frozenset({*KEYWORDS, *SELECTOR_WORDS, "hidden1", "hidden2", "readout"})
"""Words that data of a first program cannot be called."""


@click.command("new", epilog="Example: lpc new digits")
@click.argument("name", metavar="NAME|FILE.csv", type=click.Path())
@color_option
def command(name: str) -> int:
    """Write a first program, to be read and changed.

    NAME gets a network that reads handwritten digits; FILE.csv gets one that predicts a column of the table from the others.
    Nothing is overwritten.
    """
    given = Path(name)
    if given.suffix.lower() in TABLES:
        program, text = from_table(given)
        data = f" --data {given.parent}" if str(given.parent) != "data" else ""
    else:
        program, text = from_name(name.removesuffix(".lp"))
        data = ""
    path = Path(f"{program}.lp")
    if path.exists():
        raise Refusal(
            f"{path} is there already: `lpc check {path}` says whether it is sound, another NAME leaves it as it is"
        )
    write_whole(path, certified(path.name, text, name).encode())
    say(f"wrote {path}; `lpc run {path}{data}` trains it")
    return 0


def from_name(name: str) -> tuple[str, str]:
    """The program's name and text. Raises Refusal for a name that a program cannot have."""
    if name in KEYWORDS:
        raise Refusal(f"`{name}` is a word of the language; another name will do")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise Refusal(
            f"`{name}` is no name of a program: write letters, digits and `_`, or the name of a table, FILE.csv"
        )
    return name, examples.DIGITS.format(name=name)


def certified(name: str, text: str, given: str) -> str:
    """The text in the one layout. Raises Refusal where it has errors: names out of a table can be anything."""
    from lpc.passes.check import check_source
    from lpc.source import Source
    from lpc.syntax.format import format_source

    source, report = Source(name, text), Report()
    errors = check_source(source, variant="base").errors
    formatted = None if errors else format_source(source, report)
    if formatted is None:
        raise Refusal(f"{given}: no program can be made of these names: {(*errors, *report.errors)[0].title_text}")
    return formatted


def identifier(text: str, otherwise: str) -> str:
    """A name like a text, or another where nothing of it can be used."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    name = f"_{name}" if name[:1].isdigit() else name
    return otherwise if not name else f"{name}_" if name in TAKEN else name


def from_table(path: Path) -> tuple[str, str]:
    """The name and text of a program for a table. Raises Refusal for one that a program cannot read."""
    table = read_columns(path)
    target = table.target
    for column in table.left_out:
        if identifier(column.name, "") != column.name:
            raise Refusal(
                f"{path}: the column {column.name!r} holds words, and cannot be named in a program: rename it, or cut it out"
            )
    names = [column.name for column in table.left_out]
    label = identifier(target.name, "label")
    label = label if label not in names else f"{label}_"
    features = next(name for name in ("features", "inputs", "numbers") if name not in (*names, label))
    words = [f"{column.name}: class[{column.kinds}]" for column in table.left_out]
    arguments = [quoted(path.name)]
    if label != target.name:
        arguments.append(f"target = {quoted(target.name)}")
    if table.rows >= 10:
        arguments.append("validation = 20%")
    name = identifier(path.stem, "table")
    text = examples.TABLE.format(
        name=name,
        facts=facts(path, table),
        bindings=", ".join([f"{features}: f32[{len(table.features)}]", *words, f"{label}: {kind(target)}"]),
        arguments=", ".join(arguments),
        features=features,
        width=64 if table.rows < 10_000 else 256,
        outputs=f"classes({label})" if target.is_class else "1",
        loss="cross_entropy" if target.is_class else "mse",
        target=label,
        batch=min(64, table.rows),
    )
    return name, text if table.rows >= 10 else text.replace(" patience = 10,", "")


def quoted(text: str) -> str:
    """A string as a program writes it."""
    if any(char < " " or char == "\x7f" for char in text):
        raise Refusal(f"a program cannot hold the name {text!r}: rename it")
    return json.dumps(text, ensure_ascii=False)


def kind(target: Column) -> str:
    return f"class[{target.kinds}]" if target.is_class else "f32[1]"


def facts(path: Path, table: Table) -> str:
    """One line on what was found."""
    what = f"{table.target.kinds} classes" if table.target.is_class else "a number"
    left = f"; not used: {', '.join(column.name for column in table.left_out)}" if table.left_out else ""
    size = f"{number(table.rows)} rows, {len(table.features)} columns of numbers"
    return re.sub(r"\s+", " ", f"{path.name}: {size}, {table.target.name} is predicted ({what}){left}.")
