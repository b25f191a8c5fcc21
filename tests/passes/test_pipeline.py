"""The pipeline: its contracts, what it does with mistakes and with bugs, and the Python interface to it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import lpc
from lpc.diagnostics import ProgramError, Report
from lpc.ir.program import Program
from lpc.passes.contract import Fact, Pass, PipelineError, check_order, pass_, pipeline
from lpc.passes.pipeline import PIPELINE, InternalError, Times, find_pass, run
from lpc.passes.protocol import NoBatch
from lpc.passes.verify import VERIFIERS
from lpc.source import Source, Span
from lpc.syntax.parse import parse
from tests.passes.checking import BASE, FRONT


def program(text: str = BASE) -> Program:
    source = Source("example.lp", text)
    return Program(source, parse(source, Report()))


def test_the_pipeline_is_in_order() -> None:
    assert [p.name for p in FRONT] == ["expand", "bind", "protocol", "learning"]
    assert check_order(PIPELINE) >= {Fact.NAMES, Fact.TYPES, Fact.BLOCKS, Fact.PROTOCOL, Fact.RULES}


@pytest.mark.parametrize("left_out", range(len(PIPELINE) - 1), ids=[p.name for p in PIPELINE[:-1]])
def test_a_pipeline_without_a_pass_says_what_is_missing(left_out: int) -> None:
    missing = PIPELINE[left_out]
    shorter = PIPELINE[:left_out] + PIPELINE[left_out + 1 :]
    if not any(missing.gives & later.needs for later in PIPELINE[left_out + 1 :]):
        assert check_order(shorter) == check_order(PIPELINE) - missing.gives
        return
    with pytest.raises(PipelineError, match=r"needs .*no pass here gives it"):
        check_order(shorter)


def test_a_pass_out_of_order_is_refused() -> None:
    with pytest.raises(
        PipelineError, match="`bind` needs NAMES, which does not hold there; expand gives it, but stands later"
    ):
        pipeline(FRONT[1], FRONT[0])


def test_a_dropped_fact_is_missing() -> None:
    @pass_(needs={Fact.TYPES}, gives=(), drops={Fact.BLOCKS})
    def forget(program: Program, report: Report) -> Program:
        return program

    with pytest.raises(PipelineError, match="`learning` needs BLOCKS"):
        pipeline(*FRONT[:3], forget, FRONT[3])


@pytest.mark.parametrize("step", PIPELINE, ids=lambda step: step.name)
def test_passes_are_documented(step: Pass) -> None:
    assert "Before:" in step.summary
    assert "After:" in step.summary
    assert find_pass(step.name) is step


def test_run_stops_where_it_is_told_and_times_what_it_did() -> None:
    times = Times()
    made = run(program(), Report(), "bind", times=times)
    assert list(times.seconds) == ["expand", "bind"]
    assert made.network is not None
    assert made.protocol is None


def test_tolerant_passes_run_on_a_program_with_errors() -> None:
    text = BASE.replace("linear(64)", "linear(7 / 2)").replace("relu", "rleu")
    text = (
        text.replace("mono_forward", "mono_foward")
        .replace("epochs = 1, ", "")
        .replace("(readout, label)", "(readout, lable)")
    )
    report = Report()
    run(program(text), report)
    assert [d.code for d in report.sorted()] == ["LP121", "LP117", "LP101", "LP300", "LP400"]


def test_a_pass_that_tolerates_nothing_ends_the_run() -> None:
    ran = []

    @pass_(needs=(), gives=())
    def first(program: Program, report: Report) -> Program:
        report.add(NoBatch(span=Span(0, 1)))
        report.add(NoBatch(span=Span(1, 2)))
        return program

    @pass_(needs=(), gives=())
    def second(program: Program, report: Report) -> Program:
        ran.append("second")
        return program

    report = Report()
    run(program(), report, passes=(first, second))
    assert len(report.errors) == 2
    assert ran == []


def test_a_bug_names_the_pass_and_shows_the_program() -> None:
    @pass_(needs=(), gives=())
    def broken(program: Program, report: Report) -> Program:
        raise KeyError("missing")

    with pytest.raises(InternalError) as caught:
        run(program(), Report(), passes=(FRONT[0], broken))
    assert (caught.value.pass_name, caught.value.before) == ("broken", ("expand",))
    assert "network example" in caught.value.text
    assert "linear(64, bias = true)" in caught.value.text
    assert "KeyError: 'missing'" in str(caught.value)


@pytest.mark.parametrize(
    ("fact", "spoil"),
    [
        (Fact.NAMES, lambda p: replace(p, file=program("network a\nlet b = 3\n" + BASE.partition("\n")[2]).file)),
        (Fact.TYPES, lambda p: replace(p, objective=None)),
        (Fact.BLOCKS, lambda p: replace(p, network=replace(p.network, blocks=p.network.blocks[::-1]))),
        (Fact.PROTOCOL, lambda p: replace(p, protocol=None)),
        (Fact.RULES, lambda p: replace(p, uses={})),
    ],
)
def test_verifiers_see_what_they_should(fact: Fact, spoil: object) -> None:
    sound = run(program(), Report(), "learning", verify=True)
    VERIFIERS[fact](sound)
    with pytest.raises(Exception, match=r"."):
        VERIFIERS[fact](spoil(sound))  # type: ignore[operator]

    @pass_(needs=(), gives={fact})
    def spoiling(program: Program, report: Report) -> Program:
        return spoil(program)  # type: ignore[operator, no-any-return]

    with pytest.raises(InternalError, match="spoiling"):
        run(program(), Report(), passes=(*FRONT, spoiling), verify=True)


def test_check() -> None:
    checked = lpc.check(BASE)
    assert checked.ok
    assert checked.diagnostics == ()
    assert checked.program.name == "example"
    text = BASE + "variant small { train batch = 8 }\nvariant wrong { learn all with backpop }\n"
    checked = lpc.check(text, "some.lp")
    assert [d.code for d in checked.errors] == ["LP300"]
    assert list(checked.programs) == ["base", "small", "wrong"]
    assert checked.source.name == "some.lp"
    with pytest.raises(ProgramError, match="LP300"):
        _ = checked.program
    assert lpc.check(text, variant="small").ok
    assert lpc.check(text, variant="base", set={"train.batch": "all"}).ok


def test_compile() -> None:
    script = lpc.compile(BASE, variant="base", set={"hidden.linear.outputs": 12})
    assert script.name == "example"
    compile(script.text, "example.py", "exec")
    assert script == lpc.compile(BASE, set={"hidden.linear.outputs": 12})
    with pytest.raises(ProgramError):
        lpc.compile(BASE.replace("relu", "rleu"))


def test_explain() -> None:
    explained = lpc.explain(BASE, "mine.lp", set={"hidden.linear.outputs": 12})
    assert [block.name for block in explained.blocks] == ["hidden", "readout"]
    assert explained.as_json()["program"] == "example"


def test_load(tmp_path: Path) -> None:
    file = tmp_path / "mine.lp"
    file.write_text("\ufeff" + BASE.replace("\n", "\r\n"), encoding="utf-8")
    for path in (file, str(file)):
        made = lpc.load(path, set={"train.batch": 16, "hidden.linear.bias": False})
        assert made.protocol is not None
        assert made.network is not None
        assert made.source.name == "mine.lp"
        assert made.protocol.batch == 16
        assert made.network.node("hidden.linear").arguments["bias"] is False
    with pytest.raises(ProgramError):
        lpc.load(BASE.replace("linear", "lineer"))
    with pytest.raises(OSError, match="nothing"):
        lpc.load(tmp_path / "nothing.lp")


def test_importing_lpc_loads_nothing() -> None:
    code = "import sys, lpc; print([m for m in sys.modules if m.split('.')[0] in ('lark', 'networkx', 'torch') or m.startswith('lpc.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['lpc.version']"


def test_a_program_can_be_written_out() -> None:
    """Hypothesis does so while it shrinks: a value says its node's number, not all that the node reads."""
    text = "network n\ndata image, label = digits()\nblock a[LENGTH] = image -> flatten -> linear(64) -> relu\n"
    text += (
        "block readout = a -> linear(10)\nobjective cross_entropy(readout, label)\nlearn all with predictive_coding\n"
    )
    text += "train epochs = 1, batch = 64\n"
    short, long = (len(repr(lpc.load(text.replace("LENGTH", str(n)), name="n.lp"))) for n in (20, 40))
    assert long < 4 * short
