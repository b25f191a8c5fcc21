"""`lpc new`: first programs that are sound, in the one layout, and overwrite nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpc.cli.columns import read_columns
from lpc.cli.new import from_table
from lpc.cli.refusal import Refusal
from tests.cli.running import SOUND, lpc

IRIS = "sepal length,petal width,species\n" + "5.1,0.2,setosa\n4.9,0.2,setosa\n6.1,1.2,versicolor\n" * 5
WINE = "fixed;pH;quality\n" + "".join(f"{n}.5;3.{n};{n}.25\n" for n in range(1, 30))


def sound(path: str) -> None:
    assert lpc("check", path).status == 0, lpc("check", path).out
    assert lpc("fmt", "--check", path).status == 0


def test_a_program_on_digits(here: Path) -> None:
    done = lpc("new", "first")
    assert (done.status, done.out) == (0, "")
    assert done.err == "wrote first.lp; `lpc run first.lp` trains it\n"
    assert "network first\n" in Path("first.lp").read_text(encoding="utf-8")
    sound("first.lp")


def test_nothing_is_overwritten(here: Path) -> None:
    for name in ("sound", "sound.lp"):
        done = lpc("new", name)
        assert done.status == 2
        assert done.err.startswith("lpc: sound.lp is there already")
    assert Path("sound.lp").read_text(encoding="utf-8") == SOUND


@pytest.mark.parametrize("name", ["train", "3d", "a-b", "../x", "", "x/y"])
def test_names_that_a_program_cannot_have(name: str, here: Path) -> None:
    done = lpc("new", name)
    assert (done.status, done.out) == (2, "")
    assert sorted(path.name for path in here.iterdir()) == ["sound.lp"]


def test_a_table_of_classes(here: Path) -> None:
    Path("my iris.csv").write_text(IRIS, encoding="utf-8")
    done = lpc("new", "my iris.csv")
    assert done.err == "wrote my_iris.lp; `lpc run my_iris.lp --data .` trains it\n"
    text = Path("my_iris.lp").read_text(encoding="utf-8")
    assert text.startswith("# my iris.csv: 15 rows, 2 columns of numbers, species is predicted (2 classes).\n")
    assert 'data features: f32[2], species: class[2] = csv("my iris.csv", validation = 20%)' in text
    assert "objective cross_entropy(readout, species)" in text
    sound("my_iris.lp")


def test_a_table_with_a_number_to_predict(here: Path) -> None:
    (here / "data").mkdir()
    Path("data/wine.csv").write_text(WINE, encoding="utf-8")
    done = lpc("new", "data/wine.csv")
    assert done.err == "wrote wine.lp; `lpc run wine.lp` trains it\n"
    text = Path("wine.lp").read_text(encoding="utf-8")
    assert 'data features: f32[2], quality: f32[1] = csv("wine.csv", validation = 20%)' in text
    assert "objective mse(readout, quality)" in text
    assert "linear(1)" in text
    sound("wine.lp")


def test_columns_of_words_are_left_out_by_name(here: Path) -> None:
    Path("t.csv").write_text(
        IRIS.replace(",species", ",city,species").replace(",0.2,", ",0.2,Rome,").replace("1.2,", "1.2,Oslo,"),
        encoding="utf-8",
    )
    lpc("new", "t.csv")
    text = Path("t.lp").read_text(encoding="utf-8")
    assert "; not used: city." in text
    assert "data features: f32[2], city: class[2], species: class[2] = csv(" in text
    sound("t.lp")


def test_a_target_whose_name_no_program_can_have(here: Path) -> None:
    Path("t.csv").write_text('a,b,"he said ""x\\y"""\n1,2,3.5\n2,5,4.5\n', encoding="utf-8")
    lpc("new", "t.csv")
    text = Path("t.lp").read_text(encoding="utf-8")
    assert r'he_said_x_y: f32[1] = csv("t.csv", target = "he said \"x\\y\"")' in text
    sound("t.lp")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [("label,a,b", "label"), ("a,Class,b", "Class"), ("a,b,c", "c"), ("target,label,a", "target")],
)
def test_which_column_is_predicted(header: str, chosen: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1,2,3\n4,5,6\n", encoding="utf-8")
    assert read_columns(tmp_path / "t.csv").target.name == chosen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3,\n", "line 3: b is missing; programs read whole rows only"),
        ("a,b\n1,2\n3\n", "line 3: 1 fields, the header has 2"),
        ("a,b\n", "has no rows"),
        ("", "its first line should name two columns or more, each once"),
        ("a\n1\n", "its first line should name two columns or more, each once"),
        ("a,a\n1,2\n", "its first line should name two columns or more, each once"),
        ("1,2\n3,4\n", "its first line should name two columns or more, each once"),
        ("a,b\nx,1\ny,2\n", "has no column of numbers beside 'b': there is nothing to predict from"),
        ("a,b\n1,x\n2,x\n", "'b' has 1 different values, which makes no classes"),
        ('a,b\n"1,2\n', "is no csv file"),
        ("a,first name,b\n1,x,2\n2,y,3\n", "the column 'first name' holds words, and cannot be named in a program"),
    ],
)
def test_tables_that_no_program_can_be_made_of(text: str, said: str, here: Path) -> None:
    Path("t.csv").write_text(text, encoding="utf-8")
    done = lpc("new", "t.csv")
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert not Path("t.lp").exists()
    assert lpc("new", "nowhere.csv").err == "lpc: cannot read nowhere.csv: no such file or directory\n"


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@given(st.lists(CELLS, min_size=2, max_size=4), st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=4))
def test_whatever_a_table_holds_the_program_is_sound_or_refused(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[tuple[str, ...]]
) -> None:
    from lpc.cli.new import certified
    from lpc.passes.check import check_source
    from lpc.source import Source

    path = tmp_path_factory.getbasetemp() / "any.csv"
    text = io.StringIO()
    csv.writer(text).writerows([names, *(row[: len(names)] for row in rows)])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    try:
        name, program = from_table(path)
        program = certified(f"{name}.lp", program, path.name)
    except Refusal:
        return
    assert check_source(Source(f"{name}.lp", program)).ok
