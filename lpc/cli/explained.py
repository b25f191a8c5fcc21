"""An explanation as text to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from lpc.cli.tables import bullets, memory, number, paragraph, scaled, seconds, table
from lpc.ir.program import Choice
from lpc.passes.explanation import BlockFacts, Explanation, RegionFacts


def text_of(explanation: Explanation) -> str:
    """The whole explanation: what is trained on what, blocks with their costs, rules and why, stages, choices."""
    variant = f", variant {explanation.variant}" if explanation.variant else ""
    parts = [
        f"{explanation.program} ({explanation.file}{variant})",
        "\n".join([*explanation.clauses, f"types: {', '.join(f'{one.name}: {one.type}' for one in explanation.data)}"]),
        blocks_table(explanation),
        totals(explanation),
        "Rules\n" + "\n".join(_region(region) for region in explanation.regions),
        _stages(explanation),
        _choices(explanation),
        _searches(explanation),
    ]
    return "\n\n".join(filter(None, parts))


def blocks_table(explanation: Explanation) -> str:
    """A line a block; neighbours of one chain that are alike share one, with the figures of each."""
    staged = len(explanation.stages) > 1
    head = [
        "block",
        "line",
        "gives",
        "parameters",
        "learns by",
        "it adds",
        "flop",
        "moved",
        "state",
        "activations",
        "stage",
    ]
    rows = [
        [
            name + (" each" if " each" not in name and many else ""),
            str(block.line),
            block.type,
            number(block.parameters),
            block.rule,
            number(block.rule_parameters),
            scaled(block.flops),
            memory(block.bytes),
            memory(block.state_bytes),
            memory(block.activation_bytes),
            str(block.stage),
        ]
        for name, many, block in grouped(explanation.blocks)
    ]
    shown = len(head) if staged else len(head) - 1
    return table(head[:shown], [row[:shown] for row in rows], right=(1, 3, 5, 6, 7, 8, 9, 10))


def grouped(blocks: Sequence[BlockFacts]) -> Iterator[tuple[str, bool, BlockFacts]]:
    """Runs of equal blocks of one chain: the name of the run, whether it has several blocks, and the first of them."""
    for _, run in groupby(enumerate(blocks), key=lambda item: _likeness(*item)):
        same = [block for _, block in run]
        chain, _, first = same[0].shown.partition("[")
        several = len(same) > 1
        name = f"{chain}[{first.rstrip(']')}..{same[-1].shown.partition('[')[2]}" if several else same[0].shown
        yield name, several, same[0]


def _likeness(at: int, block: BlockFacts) -> object:
    """Equal for blocks of a chain that differ in their number only; a block outside chains is like no other."""
    chain, bracket, _ = block.shown.partition("[")
    if not bracket:
        return at
    kinds = tuple(operation.kind for operation in block.operations)
    return chain, kinds, replace(block, name="", shown="", inputs=(), operations=())


def totals(explanation: Explanation) -> str:
    """What a step needs in all."""
    batch = (
        "all examples (1 024 stand in for them here)" if explanation.batch is None else f"{explanation.batch} examples"
    )
    adds = f", and {number(explanation.rule_parameters)} that rules add" if explanation.rule_parameters else ""
    needs = f"memory {memory(explanation.memory_bytes)}, of it {memory(explanation.transient_bytes)} for activations at once"
    does = f"{scaled(explanation.flops, 'FLOP')}, {memory(explanation.bytes)} moved"
    lines = [f"{number(explanation.parameters)} parameters{adds}.", f"One step on {batch}, modelled: {does}; {needs}."]
    if len(explanation.phases) > 1:
        lines.append(f"Training has {len(explanation.phases)} phases: {', '.join(explanation.phases)}.")
    return "\n".join(paragraph(line) for line in lines)


def _region(region: RegionFacts) -> str:
    """Who learns by what, who says so, how far gradients reach, and what the rule remarks."""
    arguments = ", ".join(f"{name} = {value}" for name, value in region.arguments.items())
    rule = f"{region.rule}({arguments})" if arguments else region.rule
    several = len(region.blocks) > 1
    reach = (
        ("gradients stop at the edge of each block" if several else "gradients stop at its edge")
        if region.local
        else f"trained as one: no gradient goes below {region.blocks[0]}"
    )
    return bullets(
        [
            f"{region.shown}: {rule}, {region.why}; {reach}. {region.summary}",
            *(f"{region.rule}: {note}" for note in region.notes),
        ]
    )


def _stages(explanation: Explanation) -> str:
    if len(explanation.stages) < 2:
        return ""
    shown = {block.name: block for block in explanation.blocks}
    rows = []
    for at, stage in enumerate(explanation.stages, start=1):
        blocks = [shown[name] for name in stage]
        names = blocks[0].shown if len(blocks) == 1 else f"{blocks[0].shown} to {blocks[-1].shown}"
        moved, state = sum(block.bytes for block in blocks), sum(block.state_bytes for block in blocks)
        rows.append([str(at), names, scaled(sum(block.flops for block in blocks)), memory(moved), memory(state)])
    return table(["stage", "blocks", "flop", "moved", "state"], rows, right=(0, 2, 3, 4))


def _choices(explanation: Explanation) -> str:
    """What `auto` chose from: the whole program's step with each rule in turn, everything else as chosen."""
    if not explanation.choices:
        return ""
    shown = {block.name: block.shown for block in explanation.blocks}
    best = next((choice.energy for choice in explanation.choices if choice.chosen and choice.energy), 1.0)
    rows = []
    by_block = [
        (name, tuple(options)) for name, options in groupby(explanation.choices, key=lambda choice: choice.block)
    ]
    for _, run in groupby(
        by_block, key=lambda item: (shown[item[0]].partition("[")[0], tuple(_figures(c, best) for c in item[1]))
    ):
        same = list(run)
        first, last = shown[same[0][0]], shown[same[-1][0]]
        name = first if len(same) == 1 else f"{first.rstrip(']')}..{last.partition('[')[2]}"
        for at, choice in enumerate(same[0][1]):
            rows.append([name if at == 0 else "", *_figures(choice, best)])
    head = ["`auto` chose for", "from", "time", "energy", "memory", ""]
    return (
        table(head, rows, right=(2, 3, 4))
        + "\n"
        + paragraph(
            "Modelled: a step of the whole program with that rule there and all else as chosen; energy relative to the choice."
        )
    )


def _figures(choice: Choice, best: float) -> tuple[str, ...]:
    if choice.seconds is None or choice.energy is None or choice.memory is None:
        return choice.rule, "", "", "", "cannot train it here"
    return (
        choice.rule,
        seconds(choice.seconds),
        f"{choice.energy / best:.3f}",
        memory(choice.memory),
        "chosen" if choice.chosen else "",
    )


def _searches(explanation: Explanation) -> str:
    if not explanation.searches:
        return ""
    return "Stand-ins for search(...)\n" + bullets(
        [f"{s.place} = {s.stand_in} (line {s.line})" for s in explanation.searches]
    )
