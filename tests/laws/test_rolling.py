"""A chain is printed with loops where it can be: the same bits as those of the same blocks printed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.laws.strategies import data_for, legal, programs
from lpc.laws.validation import Batch, exactly, script_run
from lpc.passes.legal import legal as make_legal
from lpc.passes.lower import lower
from lpc.syntax import tree
from lpc.syntax.format import format_file
from tests.laws.test_translation import CASES, HEAD, NETWORKS, TRAIN
from tests.laws.translation import batches_of, compiled, scripts, sound


def one_by_one(program: Program) -> Program:
    """The same program, whose blocks are no longer known to be a chain's."""
    network = program.network
    assert network is not None
    blocks = tuple(replace(block, chain=None) for block in network.blocks)
    written = {clause.name: clause for clause in program.file.clauses if isinstance(clause, tree.Block)}
    single = [replace(written[b.chain[0] if b.chain else b.name], name=b.name, count=None) for b in network.blocks]
    file = tree.File((*single, *(clause for clause in program.file.clauses if not isinstance(clause, tree.Block))))
    made = replace(program, network=replace(network, blocks=blocks, chains={}), file=file)
    for step in (make_legal, lower):
        made = step(made, Report())
    return made


def check_same_bits(program: Program, batches: Sequence[Batch]) -> None:
    plain = scripts(one_by_one(program))
    for mode, text in scripts(program).items():
        if "for k in" not in text:
            continue
        with exactly(seed=1):
            rolled, unrolled = script_run(program, text, batches), script_run(program, plain[mode], batches)
        for one, other in zip(rolled, unrolled, strict=True):
            assert (one.phase, one.step, list(one.tensors)) == (other.phase, other.step, list(other.tensors))
            different = [name for name, value in one.tensors.items() if not torch.equal(value, other.tensors[name])]
            assert not different, f"{mode}, {one.phase} {one.step}: {different}\n\n{text.partition('# -- ')[0]}"


@given(programs(blocks=3, chains=True), st.data())
@settings(max_examples=40)
def test_random_chains(file: tree.File, data: st.DataObject) -> None:
    chains = [clause for clause in file.clauses if isinstance(clause, tree.Block) and clause.count is not None]
    assume(chains)
    note(format_file(file))
    program = legal(file)
    check_same_bits(program, data.draw(data_for(program)))


@pytest.mark.parametrize(("rule", "arguments"), CASES, ids=[f"{rule}({arguments})" for rule, arguments in CASES])
def test_a_chain_under_every_option_of_every_rule(rule: str, arguments: str) -> None:
    data, blocks = NETWORKS["chain"]
    text = (HEAD + TRAIN).format(data=data, blocks=blocks, rule=f"{rule}({arguments})", order="simultaneous")
    program, report = compiled(text)
    if not report.errors:
        check_same_bits(program, batches_of(program))
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
