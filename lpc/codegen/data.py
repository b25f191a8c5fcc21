"""The functions that load a program's data and change training images at random."""

from __future__ import annotations

import json

from lpc.codegen.names import identifier
from lpc.codegen.statements import literal
from lpc.ir.program import DataUse, Setting
from lpc.passes.data_source import OF_SCRIPTS, DataSource
from lpc.passes.data_sources import find
from lpc.plugins import module_and_name

OF_FILES = ("csv", "npz", "text")
"""Sources that read a file the program names; the types it wrote say what is in it."""


def load_data(data: DataUse) -> tuple[str, set[str]]:
    """The text of `load_data(options)`, and the runtime parts it uses."""
    a, source = data.arguments, find(data.source)
    assert source is not None
    lines, call, imports = _read_by(source, data) if source.reader else ([], _source(data), {f"load_{data.source}"})
    parts = [f"{name}={a[name]!r}" for name in ("validation", "test") if a.get(name)]
    if parts and data.source != "text":  # a text's parts are cut where they lie, not drawn
        call, imports = f"split({', '.join([call, *parts])})", imports | {"split"}
    which = _standardised(data)
    if which:
        call, imports = f"standardised({call}, {which!r})", imports | {"standardised"}
    head = ["def load_data(options):", '    """The examples and their parts."""']
    return "\n".join([*head, *(f"    {line}".rstrip() for line in [*lines, f"return {call}"])]), imports


def package_of(data: DataUse) -> str:
    """The package that a program's data come from; empty where they are lpc's own."""
    source = find(data.source)
    return source.package if source is not None else ""


def _read_by(source: DataSource, data: DataUse) -> tuple[list[str], str, set[str]]:
    """Lines that have another package's function read the data, and the call that makes parts of what it gives."""
    wanted = module_and_name(source.reader)
    assert wanted is not None
    called = identifier(wanted[1], ("options", "found"))
    renamed = "" if called == wanted[1] else f" as {called}"
    given = {"folder": "options.data", "data": "TASK.data"}
    arguments = [f"{name}={given[name]}" for name in source.takes]
    arguments += [f"{name}={_literal(value)}" for name, value in data.arguments.items() if name not in OF_SCRIPTS]
    lines = [
        f"with from_package({json.dumps(source.package)}, {json.dumps(source.name)}):",
        f"    from {wanted[0]} import {wanted[1]}{renamed}",
        "",
        f"    found = {called}({', '.join(arguments)})",
    ]
    parts = [] if source.parts == ("train",) else [_literal(source.parts)]
    call = f"splits_of({', '.join(['found', json.dumps(source.name), 'TASK.data', *parts])})"
    return lines, call, {"from_package", "splits_of"}


def _source(data: DataUse) -> str:
    a = data.arguments
    if data.source == "synthetic":
        return f"load_synthetic(TASK.data, {_literal(a['examples'])})"
    if data.source not in OF_FILES:
        return f"load_{data.source}(options)"
    extra: list[str] = []
    if a.get("target"):
        extra.append(f"targets={_literal(a['target'])}")
    if data.source == "text":
        extra += [f"{name}={a[name]!r}" for name in ("validation", "test") if a.get(name)]
    return f"load_{data.source}({', '.join(['options', 'TASK.data', json.dumps(a['file']), *extra])})"


def _standardised(data: DataUse) -> tuple[int, ...]:
    """Which of the data are standardised: the inputs, never the target, which stands last."""
    if not data.arguments.get("standardise") or len(data.bindings) < 2:
        return ()
    return tuple(at for at, (_, type_) in enumerate(data.bindings[:-1]) if getattr(type_, "dtype", "") == "f32")


def augment(data: DataUse) -> tuple[str, set[str]]:
    """The text of `augment(batch, step)`, or "" where nothing is changed."""
    words = data.arguments.get("augment")
    if not isinstance(words, tuple) or not words:
        return "", set()
    names = [identifier(name) for name in data.names]
    image = names[0]
    lines = [
        "def augment(batch, step):",
        '    """Training images, changed at random."""',
        f"    {', '.join(names)}{',' if len(names) == 1 else ''} = batch",
        *(f"    {image} = {_word(word)}({image}, step)" for word in words),
        f"    return {', '.join(names)}{',' if len(names) == 1 else ''}",
    ]
    return "\n".join(lines), {_word(word) for word in words}


def _word(word: Setting) -> str:
    assert word in ("flip", "crop")
    return str(word)


def _literal(value: Setting) -> str:
    """A setting as Python text: a list as a tuple, what is left out as None."""
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_literal, value)) + ("," if len(value) == 1 else "") + ")"
    return literal(value)
