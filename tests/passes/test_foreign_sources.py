"""Data sources of other packages: found by entry point, checked, printed into scripts; refused in a sentence where they fail."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

import lpc
from lpc.ir.types import UNKNOWN, Label, Tensor
from lpc.passes import data_sources
from lpc.passes.data_source import AUGMENT, FILE, STANDARDISE, TEST, VALIDATION, DataSource
from lpc.passes.signatures import Parameter
from lpc.plugins import PluginError

CELLS = DataSource(
    name="cells",
    summary="made elsewhere",
    parameters=(
        FILE,
        Parameter("stain", "text", 'H&E "x"\n', summary="which"),
        Parameter("sites", "texts", ("a", "b"), summary="where"),
        Parameter("kind", "word", "raw", ("raw", "clean"), summary="how"),
        Parameter("size", "int", 8, least=1, most=64, summary="points a side"),
        Parameter("gain", "float", None, summary="factor"),
        VALIDATION,
        STANDARDISE,
        AUGMENT,
    ),
    types=lambda arguments: (Tensor((1, arguments["size"], arguments["size"])), Label(3)),
    parts=("train", "test"),
    reader="lab.reading:split",
    takes=("folder", "data"),
)
TABLES = replace(CELLS, name="tables", parameters=(VALIDATION, TEST), types=None, parts=("train",), takes=())
PLAIN = replace(
    TABLES, name="plain", parameters=(VALIDATION,), types=lambda _: (Tensor((5,)), Label(3)), reader="lab:_read"
)
FAILING = replace(PLAIN, name="failing", types=lambda _: (Tensor((1 // 0,)),))
UNTYPED = replace(PLAIN, name="untyped", types=lambda _: (UNKNOWN,))
NOT_ONE = "no data source"
LAB = EntryPoint("cells", f"{__name__}:CELLS", "lpc.data")

PROGRAM = """network lab
data {data}
block readout = x -> flatten -> linear(3)
objective cross_entropy(readout, y)
learn all with backprop
train epochs = 2, batch = 4{train}
"""


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points as if packages were installed that give them."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points if group == "lpc.data" else [])
    data_sources._points.cache_clear()
    yield points
    data_sources._points.cache_clear()


def program(data: str, train: str = "") -> str:
    return PROGRAM.format(data=data, train=train)


def codes(text: str) -> list[str]:
    return [diagnostic.code for diagnostic in lpc.check(text).diagnostics]


def loading(text: str) -> str:
    """The function of the script that loads the data."""
    script = lpc.compile(text).text
    return script[script.index("def load_data(") : script.index("\n\n\n# -- ")]


def point(name: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{name.upper()}", "lpc.data")


def test_a_source_binds_its_types_and_is_printed_with_all_its_arguments(foreign: list[EntryPoint]) -> None:
    foreign.append(LAB)
    assert data_sources.names()[-1] == "cells"
    text = program('x, y = cells("a\\"b.h5", size = 4, sites = "c", validation = 10%, standardise = true)')
    assert dict(lpc.load(text).data.bindings) == {"x": Tensor((1, 4, 4)), "y": Label(3)}  # type: ignore[union-attr]
    assert (
        loading(text)
        == '''def load_data(options):
    """The examples and their parts."""
    with from_package("lab", "cells"):
        from lab.reading import split as split_

        found = split_(
            folder=options.data,
            data=TASK.data,
            file="a\\"b.h5",
            stain="H&E \\"x\\"\\n",
            sites=("c",),
            kind="raw",
            size=4,
            gain=None,
        )
    return standardised(split(splits_of(found, "cells", TASK.data, ("train", "test")), validation=0.1), (0,))'''
    )
    assert '# dependencies = ["lab", "numpy", "torch", "tqdm"]' in lpc.compile(text).text


def test_a_source_of_written_types(foreign: list[EntryPoint]) -> None:
    foreign.append(point("tables"))
    assert "        from lab.reading import split as split_\n\n        found = split_()\n" in loading(
        program("x: f32[5], y: class[3] = tables(test = 5)")
    )
    assert codes(program("x, y: class[3] = tables")) == ["LP502"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('x, y = cells("f", siez = 4)', "LP110"),
        ("x, y = cells()", "LP113"),
        ('x, y = cells("f", size = "4")', "LP114"),
        ('x, y = cells("f", size = 65)', "LP115"),
        ('x, y = cells("f", kind = row)', "LP116"),
        ('x: f32[2], y = cells("f")', "LP503"),
        ('x, y, z = cells("f")', "LP504"),
        ('x, y = cells("f", test = 10%)', "LP110"),
    ],
)
def test_arguments_are_checked_as_those_of_others(foreign: list[EntryPoint], data: str, code: str) -> None:
    foreign.append(LAB)
    assert code in codes(program(data))


def test_an_unknown_source_is_told_the_nearest_wherever_it_is_from(foreign: list[EntryPoint]) -> None:
    foreign.append(LAB)
    (found,) = lpc.check(program('x, y = cels("f")')).diagnostics
    assert found.code == "LP500"
    assert found.edit is not None
    assert found.edit.text == "cells"


def test_defaults_are_written_out_and_mean_the_same(foreign: list[EntryPoint]) -> None:
    foreign.append(LAB)
    text = program('x, y = cells("f", validation = 3)')
    from lpc.passes.dump import dump

    dumped = dump(lpc.load(text))
    assert 'sites = ["a", "b"]' in dumped
    assert loading(dumped) == loading(text)


def test_places_of_its_arguments_can_be_set(foreign: list[EntryPoint]) -> None:
    foreign.append(LAB)
    bound = lpc.load(program('x, y = cells("f")'), set={"data.size": 2}).data
    assert bound is not None
    assert bound.bindings[0] == ("x", Tensor((1, 2, 2)))


def test_patience_has_its_own_validation_part(foreign: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    foreign.append(point("plain"))
    assert codes(program("x, y = plain(validation = 2)", ", patience = 1")) == []
    assert codes(program("x, y = plain", ", patience = 1")) == ["LP402"]
    own = replace(PLAIN, parameters=(), parts=("train", "validation"))
    monkeypatch.setitem(globals(), "PLAIN", own)
    assert codes(program("x, y = plain", ", patience = 1")) == []


def test_a_script_is_not_called_as_the_package_is(foreign: list[EntryPoint]) -> None:
    foreign.append(point("tables"))
    text = program("x: f32[5], y: class[3] = tables")
    assert lpc.compile(text).name == "lab_train"


def test_own_names_are_found_without_a_look_at_other_packages(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("digits", "nowhere:X", "lpc.data"))
    assert data_sources.find("digits") is data_sources.SOURCES["digits"]


@pytest.mark.parametrize("name", ["digits", "cells"])
def test_a_name_given_twice_names_both_packages(foreign: list[EntryPoint], name: str) -> None:
    foreign += [EntryPoint(name, "one.place:X", "lpc.data"), EntryPoint(name, "other.place:X", "lpc.data")]
    first = "lpc" if name == "digits" else "one.place:X"
    with pytest.raises(PluginError, match=rf"data source `{name}` comes from two packages, {first} and o"):
        data_sources.names()


@pytest.mark.parametrize(
    ("value", "text"),
    [("no_such_module:X", "cannot be loaded: No module"), (f"{__name__}:NOT_ONE", "is no data source named `cells`")],
)
def test_a_broken_package_is_named(foreign: list[EntryPoint], value: str, text: str) -> None:
    foreign.append(EntryPoint("cells", value, "lpc.data"))
    with pytest.raises(PluginError, match=text):
        data_sources.find("cells")


@pytest.mark.parametrize(("name", "text"), [("failing", "cannot say its types: .*zero"), ("untyped", "as its types")])
def test_types_that_fail_are_the_packages_fault(foreign: list[EntryPoint], name: str, text: str) -> None:
    foreign.append(point(name))
    with pytest.raises(PluginError, match=text):
        lpc.check(program(f"x, y = {name}"))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (replace(CELLS, reader="lab.reading"), "names no reader"),
        (replace(CELLS, reader="lab:x; import os"), "names no reader"),
        (replace(CELLS, reader="lab.class:x"), "names no reader"),
        (replace(CELLS, parts=("test",)), "has the parts"),
        (replace(CELLS, parts=("train", "validation")), "a validation part of its own, and takes one"),
        (replace(CELLS, parameters=(FILE,)), "has no validation part"),
        (replace(CELLS, parameters=(VALIDATION, Parameter("class", "int"))), "`class` that no function"),
        (replace(CELLS, parameters=(VALIDATION, Parameter("data", "int"))), "`data` that the reader is called with"),
        (replace(CELLS, parameters=(VALIDATION, Parameter("part", "share"))), "`part` that is of kind `share`"),
        (replace(CELLS, parameters=(VALIDATION, Parameter("augment", "text"))), "`augment` that means something else"),
        (
            replace(CELLS, parameters=(VALIDATION, Parameter("gain", "float", float("inf")))),
            "`gain` that is not finite",
        ),
    ],
)
def test_a_wrong_declaration_is_refused(
    foreign: list[EntryPoint], monkeypatch: pytest.MonkeyPatch, changed: DataSource, text: str
) -> None:
    foreign.append(LAB)
    monkeypatch.setitem(globals(), "CELLS", changed)
    with pytest.raises(PluginError, match=f"the data source `cells` of .*{text}"):
        data_sources.find("cells")
