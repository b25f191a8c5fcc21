"""The functions that load a program's data and change training images at random."""

from __future__ import annotations

import json

from lpc.codegen.names import identifier
from lpc.ir.program import DataUse, Setting

OF_FILES = ("csv", "npz", "text")
"""Sources that read a file the program names; the types it wrote say what is in it."""


def load_data(data: DataUse) -> tuple[str, set[str]]:
    """The text of `load_data(options)`, and the runtime parts it uses."""
    a = data.arguments
    call, imports = _source(data), {f"load_{data.source}"}
    parts = [f"{name}={a[name]!r}" for name in ("validation", "test") if a.get(name)]
    if parts and data.source != "text":  # a text's parts are cut where they lie, not drawn
        call, imports = f"split({', '.join([call, *parts])})", imports | {"split"}
    which = _standardised(data)
    if which:
        call, imports = f"standardised({call}, {which!r})", imports | {"standardised"}
    return f'def load_data(options):\n    """The examples and their parts."""\n    return {call}', imports


def _source(data: DataUse) -> str:
    a = data.arguments
    if data.source == "synthetic":
        return f"load_synthetic(TASK.data, {_number(a['examples'])})"
    if data.source not in OF_FILES:
        return f"load_{data.source}(options)"
    extra: list[str] = []
    if a.get("target"):
        extra.append(f"targets={_words(a['target'])}")
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


def _words(values: Setting) -> str:
    assert isinstance(values, tuple)
    return "(" + ", ".join(json.dumps(value) for value in values) + ("," if len(values) == 1 else "") + ")"


def _number(value: Setting) -> str:
    assert isinstance(value, int)
    return repr(value)
