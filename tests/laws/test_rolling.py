"""A chain is printed with loops where it can be: the same bits as those of the same blocks printed one by one."""

from __future__ import annotations

import pytest
import torch

from lpc.ir.program import Program
from lpc.laws import general
from lpc.laws.general import try_subject
from lpc.laws.subject import Subject, scripts
from lpc.laws.validation import exactly, script_run
from tests.laws.test_translation import CASES, HEAD, NETWORKS, TRAIN
from tests.laws.translation import batches_of, compiled, sound


def check_same_bits(program: Program) -> None:
    tried = try_subject(general.find("a rolled chain = the chain written out"), Subject(program, batches_of(program)))
    assert tried.broken is None, str(tried.broken)


@pytest.mark.parametrize(("rule", "arguments"), CASES, ids=[f"{rule}({arguments})" for rule, arguments in CASES])
def test_a_chain_under_every_option_of_every_rule(rule: str, arguments: str) -> None:
    data, blocks = NETWORKS["chain"]
    text = (HEAD + TRAIN).format(data=data, blocks=blocks, rule=f"{rule}({arguments})", order="simultaneous")
    program, report = compiled(text)
    if not report.errors:
        check_same_bits(program)
    else:
        assert {diagnostic.code for diagnostic in report.errors} == {"LP320"}


def test_a_chain_is_its_blocks_written_out() -> None:
    """In the language, not only in the compiler's hands."""
    data, _ = NETWORKS["chain"]
    chained = "block layer[4] = image -> flatten -> linear(4) -> tanh\nblock readout = layer -> linear(3)\n"
    lines = ["block layer_1 = image -> flatten -> linear(4) -> tanh\n"]
    lines += [f"block layer_{k} = layer_{k - 1} -> flatten -> linear(4) -> tanh\n" for k in (2, 3, 4)]
    written = "".join([*lines, "block readout = layer_4 -> linear(3)\n"])
    rule = "mono_forward(predict = sum)"
    one, other = (
        sound((HEAD + TRAIN).format(data=data, blocks=b, rule=rule, order="simultaneous")) for b in (chained, written)
    )
    batches = batches_of(one)
    with exactly(seed=1):
        for mode, text in scripts(one).items():
            rolled, unrolled = script_run(one, text, batches), script_run(other, scripts(other)[mode], batches)
            assert all(torch.equal(v, unrolled[-1].tensors[n]) for n, v in rolled[-1].tensors.items())
            assert all(torch.equal(v, unrolled[-4].tensors[n]) for n, v in rolled[-4].tensors.items())
