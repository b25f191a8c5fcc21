"""Block classes: one `nn.Module` for each block, or for blocks that are alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lpc.codegen.lines import MARK, Line, mark
from lpc.codegen.names import identifier
from lpc.ir.network import TARGET, Block, Network, Node
from lpc.ir.op import Inputs
from lpc.ir.ops import operation_of
from lpc.ir.step import Node as StepNode
from lpc.ir.step import walk
from lpc.rules.tracer import TracedPhase
from lpc.rules.units import parts_of, sources

TEMPORARIES = ("x", "y", "z")
OPTIONS = {"feedback": "None", "again": "False", "step": "None"}
"""What a forward may be told besides its inputs, with defaults."""
PART_DOCS = {
    "lower": "Pre-activations.",
    "activation": "What the activation makes of pre-activations, number by number.",
    "upper": "What follows the activation.",
}


@dataclass(frozen=True)
class BlockClass:
    """A class as text, the blocks that are made of it, and what it needs."""

    name: str
    lines: tuple[str, ...]
    blocks: tuple[str, ...]
    imports: frozenset[str]
    foreign: tuple[str, ...]
    """Import statements for code of others."""
    takes_name: bool
    """It draws random numbers, so each instance is told its block's name."""


@dataclass(frozen=True)
class Forwards:
    """How steps evaluate a block, besides plainly."""

    via: tuple[str, ...] = ()
    """Attributes of its operations whose input gradient goes through feedback."""
    again: bool = False
    """A second time in one step, which leaves batch-norm statistics as they are."""
    parts: bool = False
    """Part by part."""


PLAINLY = Forwards()


def forwards_of(phases: Sequence[TracedPhase]) -> dict[str, Forwards]:
    """By block, those that are not evaluated plainly everywhere."""
    vias: dict[str, dict[str, None]] = {}
    again: set[str] = set()
    parted: set[str] = set()
    for phase in phases:
        for node in walk(phase.nodes):
            unit, via = node.unit, node.attributes.get("via")
            if node.primitive == "vjp" and unit is not None and isinstance(via, Mapping):
                vias.setdefault(unit.learner, {}).update(dict.fromkeys(map(str, via)))
            if node.primitive == "fwd" and unit is not None and leaves_statistics(node, phase.frozen):
                again.add(unit.learner)
            if unit is not None and unit.part:
                parted.add(unit.block)
    names = dict.fromkeys([*vias, *sorted(again | parted)])
    return {name: Forwards(tuple(vias.get(name, ())), name in again, name in parted) for name in names}


def leaves_statistics(node: StepNode, frozen: Collection[str]) -> bool:
    """Whether a forward in training must not move the statistics that an earlier one of the same step has moved."""
    unit = node.unit
    is_second = unit is not None and unit.statistics and node.attributes["statistics"] == "batch"
    return is_second and unit is not None and unit.block not in frozen


def signature(network: Network, block: Block, forwards: Forwards) -> tuple[object, ...]:
    """What two blocks must share to share a class."""
    local = {name: position for position, name in enumerate(block.nodes)}
    outside = {name: f"in{position}" for position, name in enumerate(sources(network, block))}
    parts: list[object] = []
    for node in network.nodes_of(block):
        inputs = tuple(local.get(name, outside.get(name)) for name in node.inputs)
        types = tuple(str(network.node(name).type) for name in node.inputs)
        parts.append(
            (node.kind, node.attribute, inputs, types, tuple(sorted(node.arguments.items(), key=lambda i: i[0])))
        )
    return (*parts, forwards)


def print_block(
    network: Network, block: Block, name: str, doc: str, forwards: Forwards, foreign: Mapping[tuple[str, str], str]
) -> BlockClass:
    """The class of a block. `foreign`: what code of others is called in the script, by module and name."""
    imports: set[str] = set()
    taken: list[str] = []
    modules: list[str] = []
    random = False
    for node in network.nodes_of(block):
        operation = operation_of(node.kind)
        imports.update(operation.imports)
        random = random or operation.random
        if operation.module is not None:
            text = operation.module(_types(network, node), node.arguments)
            if operation.foreign is not None:
                wanted = operation.foreign(node.arguments)
                called = foreign[wanted]
                renamed = "" if called == wanted[1] else f" as {called}"
                taken.append(f"from {wanted[0]} import {wanted[1]}{renamed}")
                text = text.replace("{foreign}", called)
            modules.append(f"        self.{node.attribute} = {text}")
    through = [node for node in network.nodes_of(block) if node.attribute in forwards.via]
    imports.update(name for node in through for name in operation_of(node.kind).via_imports)
    if forwards.again:
        imports.update(name for node in network.nodes_of(block) for name in operation_of(node.kind).again_imports)
    lines = [f"class {name}(nn.Module):", f'    """{doc}"""', ""]
    if modules or random:
        lines += [f"    def __init__(self{', name' if random else ''}):", "        super().__init__()"]
        lines += ["        self.name = name"] if random else []
        lines += [*modules, ""]
    lines += [f"    {line}" if line else "" for line in _methods(network, block, forwards)]
    return BlockClass(name, tuple(lines), (block.name,), frozenset(imports), tuple(taken), random)


def _methods(network: Network, block: Block, forwards: Forwards) -> list[str]:
    """`forward`; and where steps evaluate the block part by part a method for each part, which `forward` goes through."""
    names = list(_parameters(block).values())
    options = _options(network.nodes_of(block), forwards)
    head = f"def forward({', '.join(['self', *names, *(f'{name}={OPTIONS[name]}' for name in options)])}):"
    if not forwards.parts:
        given = dict(zip(sources(network, block), names, strict=True))
        body = print_operations(network, network.nodes_of(block), block.output, given, forwards)
        return [head, *(f"    {line}" for line in body)]
    lines: list[str] = []
    whole = ""
    found = parts_of(network, block)
    for unit in filter(None, (found.lower, found.activation, found.upper)):
        nodes = [network.node(name) for name in unit.operations]
        given = dict(zip(unit.reads, ["x"] if whole else names, strict=True))
        own = _options(nodes, forwards)
        signature = ", ".join(["self", *given.values(), *(f"{name}={OPTIONS[name]}" for name in own)])
        lines += [f"def {unit.part}({signature}):", f'    """{PART_DOCS[unit.part]}"""']
        lines += [f"    {line}" for line in print_operations(network, nodes, unit.gives, given, forwards)]
        lines.append("")
        inner = [whole] if whole else names
        whole = f"self.{unit.part}({', '.join([*inner, *(f'{name}={name}' for name in own)])})"
    return [*lines, head, f"    return {whole}"]


def _options(nodes: Sequence[Node], forwards: Forwards) -> list[str]:
    """Which of `OPTIONS` some operations of a block have a use for."""
    operations = [operation_of(node.kind) for node in nodes]
    wanted = {
        "feedback": any(node.attribute in forwards.via for node in nodes),
        "again": forwards.again and any(operation.again_call is not None for operation in operations),
        "step": any(operation.random for operation in operations),
    }
    return [name for name in OPTIONS if wanted[name]]


def _parameters(block: Block) -> dict[str, str]:
    """Python names of a block's inputs: `x` where there is one, else their own."""
    if len(block.inputs) == 1:
        return {block.inputs[0]: "x"}
    names: dict[str, str] = {}
    for name in block.inputs:
        names[name] = identifier(name, {*names.values(), *TEMPORARIES, *OPTIONS})
    return names


def _types(network: Network, node: Node) -> Inputs:
    return tuple(network.node(name).type for name in node.inputs)


def print_operations(
    network: Network,
    nodes: Sequence[Node],
    output: str,
    given: Mapping[str, str],
    forwards: Forwards = PLAINLY,
) -> list[str]:
    """Statements that evaluate some operations and return the output. `given` names what comes from outside."""
    lines: list[Line] = []
    for node in nodes:
        operation = operation_of(node.kind)
        texts = [mark("v", name) for name in node.inputs]
        types = _types(network, node)
        fields = {"self": f"self.{node.attribute}", "name": "{self.name}." + node.attribute}
        text = operation.call(types, node.arguments).format(*texts, **fields)
        if operation.random:
            text = text.replace('"{self.name}.', 'f"{self.name}.').replace("'{self.name}.", "f'{self.name}.")
        if node.attribute in forwards.via and operation.via_call is not None:
            through = operation.via_call(types, node.arguments)
            through = through.format(*texts, **fields, via=f"feedback.{node.attribute}")
            text = f"{text} if feedback is None else {through}"
        if forwards.again and operation.again_call is not None:
            second = operation.again_call(types, node.arguments).format(*texts, **fields)
            text = f"{second} if again else {text}"
        if node.name == output:
            lines.append(Line(f"return {text}"))
        else:
            lines.append(Line(f"{mark('v', node.name)} = {text}", writes=(node.name,)))
    if not nodes or all(node.name != output for node in nodes):
        lines.append(Line(f"return {mark('v', output)}"))
    names = _name(lines, given)
    return [MARK.sub(lambda found: names[found[2]], line.text) for line in lines]


def _name(lines: Sequence[Line], given: Mapping[str, str]) -> dict[str, str]:
    """`x` for the value on its way, `y` and `z` beside it, then longer names, each free once it is read for the last time."""
    last = {key: at for at, line in enumerate(lines) for key in line.values()}
    names = dict(given)
    for at, line in enumerate(lines):
        for key in line.writes:
            busy = {names[k] for k in names if last.get(k, -1) > at}
            pool = [*TEMPORARIES, *(f"x{n}" for n in range(2, len(lines) + 3))]
            names[key] = next(name for name in pool if name not in busy)
    return names


def print_target(network: Network, target: str) -> list[str]:
    """The body of a function of the data that gives the objective's target."""
    nodes = [node for node in network.target_nodes if node.owner == TARGET]
    return print_operations(network, nodes, target, {name: identifier(name) for name in network.data})
