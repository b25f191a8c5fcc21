"""Some clauses of a program, completed to whole programs in which they can be checked."""

from __future__ import annotations

from collections.abc import Iterator

from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.parse import parse

DATA = "data image, label = digits(validation = 20%)\n"
BLOCKS = """block hidden1 = image -> flatten -> linear(64) -> relu
block hidden2 = hidden1 -> linear(64) -> relu
block readout = hidden2 -> linear(10)
"""
TRAIN = "train epochs = 20, batch = 64\n"


def completions(text: str) -> Iterator[str]:
    """Whole programs with these clauses in them; a text with a `network` clause is one already.

    Clauses that are missing are supplied. Where there are data or blocks but no objective, there are several ways to end the
    network: by class scores, by numbers, by scores at each position of tokens.
    """
    clauses = parse(Source("part.lp", text), Report()).clauses
    kinds = {type(clause) for clause in clauses}
    if tree.Network in kinds or not clauses:
        yield text
        return
    head = "network example\n"
    if tree.Data not in kinds:
        head += DATA
    tail = "" if tree.Train in kinds and _lasts(clauses) else TRAIN
    if tree.Objective in kinds:
        yield head + text + tail
    elif tree.Block in kinds or tree.Data in kinds:
        for ending in _endings(clauses):
            yield head + text + ending + tail
    else:
        yield head + BLOCKS + "objective cross_entropy(readout, label)\n" + text + tail


def _lasts(clauses: tuple[tree.Clause, ...]) -> bool:
    """Whether some `train` line says how long."""
    options = {option.name for clause in clauses if isinstance(clause, tree.Train) for option in clause.options}
    return bool(options & {"epochs", "steps"})


def _endings(clauses: tuple[tree.Clause, ...]) -> Iterator[str]:
    """A last block on what the clauses declare last, and an objective on it."""
    data = [binding.name for clause in clauses if isinstance(clause, tree.Data) for binding in clause.bindings]
    data = data or ["image", "label"]
    blocks = [clause.name for clause in clauses if isinstance(clause, tree.Block)]
    source, target = blocks[-1] if blocks else data[0], data[-1]
    yield f"block scores = {source} -> flatten -> linear(classes({target}))\nobjective cross_entropy(scores, {target})\n"
    yield f"block scores = {source} -> flatten -> linear(size({target}))\nobjective mse(scores, {target})\n"
    yield f"block scores = {source} -> embedding(8) -> linear(classes({target}))\nobjective cross_entropy(scores, {target})\n"
    yield f"block scores = {source} -> linear(classes({target}))\nobjective cross_entropy(scores, {target})\n"
